// style: dup2() of the child's descriptor onto a well-known number, without close() of the first number
// observe: uffd-left 4
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARENT_FD 40
#define CHILD_FD 41 /* always the youngest child; dup2() closes the one before */

static void move_fd(int from, int to)
{
	if (dup2(from, to) == -1)
		err(1, "dup2");
}

static int open_parent(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (fd == -1)
		err(1, "userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) == -1)
		err(1, "UFFDIO_API");
	if (dup2(fd, PARENT_FD) == -1)
		err(1, "dup2");
	close(fd);
	return PARENT_FD;
}

static void arm(int fd, void *start, size_t len)
{
	struct uffdio_register r = { 0 };

	r.range.start = (uintptr_t)start;
	r.range.len = len;
	r.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(fd, UFFDIO_REGISTER, &r) == -1)
		err(1, "UFFDIO_REGISTER");
}

static void *follow(void *arg)
{
	struct uffd_msg m;

	for (;;) {
		ssize_t n = read(PARENT_FD, &m, sizeof(m));

		if (n == -1 && errno == EINTR)
			continue;
		if (n != (ssize_t)sizeof(m))
			return arg;
		if (m.event == UFFD_EVENT_FORK) // expect: leaked-child-uffd
			move_fd(m.arg.fork.ufd, CHILD_FD);
	}
}

int main(void)
{
	size_t len = 2 * sysconf(_SC_PAGESIZE);
	void *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open_parent(), i;
	pthread_t t;
	pid_t pid;

	if (p == MAP_FAILED)
		err(1, "mmap");
	arm(fd, p, len);
	if ((errno = pthread_create(&t, NULL, follow, NULL)) != 0)
		err(1, "pthread_create");
	for (i = 0; i < 2; i++) {
		pid = fork();
		if (pid == -1)
			err(1, "fork");
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
