// style: a manager takes the userfaultfd of another process with pidfd_getfd() and only counts its forks
// observe: uffd-left 3
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

/* The service: tells the number of its descriptor, waits for the manager, then makes workers. */
static int service(int tell, int go)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = 4 * getpagesize();
	void *heap = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	char c;

	if (heap == MAP_FAILED || fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	reg.range.start = (uintptr_t)heap;
	reg.range.len = size;
	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		return 1;
	if (write(tell, &fd, sizeof(fd)) != sizeof(fd) || read(go, &c, 1) != 1)
		return 1;
	for (int i = 0; i < 2; i++) {
		pid_t worker = fork();

		if (worker < 0)
			return 1;
		if (worker == 0)
			_exit(0);
		waitpid(worker, NULL, 0);
	}
	return 0;
}

static int fetch_descriptor(pid_t pid, int number)
{
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	int fd;

	if (pidfd < 0)
		return -1;
	fd = syscall(SYS_pidfd_getfd, pidfd, number, 0);
	close(pidfd);
	return fd;
}

static unsigned manage(int uffd, int forks)
{
	struct pollfd pfd = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;
	unsigned seen = 0;

	while (forks > 0 && poll(&pfd, 1, 3000) == 1) {
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg)) {
			if (errno == EAGAIN)
				continue;
			break;
		}
		if (msg.event == UFFD_EVENT_FORK) { // expect: leaked-child-uffd
			seen++;
			forks--;
		}
	}
	return seen;
}

int main(void)
{
	int tell[2], go[2], number, uffd, status;
	pid_t pid;

	if (pipe(tell) || pipe(go) || (pid = fork()) < 0)
		return 1;
	if (pid == 0)
		_exit(service(tell[1], go[0]));
	if (read(tell[0], &number, sizeof(number)) != sizeof(number))
		return 1;
	uffd = fetch_descriptor(pid, number);
	if (uffd < 0) {
		perror("pidfd_getfd");
		return 1;
	}
	if (write(go[1], "", 1) != 1)
		return 1;
	printf("%u forks\n", manage(uffd, 2));
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}
