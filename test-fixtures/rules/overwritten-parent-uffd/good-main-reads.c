// style: man-page, the main thread reads and a worker forks; goto cleanup
// observe: uffd-left 0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int finished[2];

static void *worker(void *arg)
{
	long pid = syscall(SYS_fork);

	if (pid == 0)
		syscall(SYS_exit_group, 0);
	waitpid(pid, NULL, 0);
	close(finished[1]);
	return NULL;
}

int main(void)
{
	long uffd, page_size = sysconf(_SC_PAGE_SIZE);
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffdio_zeropage zero = { .range.len = page_size };
	struct pollfd pollfd[3];
	struct uffd_msg msg;
	pthread_t thr;
	int child = -1, status = EXIT_FAILURE;
	char *addr;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd == -1) {
		perror("userfaultfd");
		return status;
	}
	if (ioctl(uffd, UFFDIO_API, &api) == -1)
		goto out;
	addr = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		goto out;
	reg.range.start = (unsigned long)addr;
	reg.range.len = page_size;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
		goto out;
	if (pipe(finished) == -1 || pthread_create(&thr, NULL, worker, NULL) != 0)
		goto out;

	pollfd[0] = (struct pollfd){ .fd = uffd, .events = POLLIN };
	pollfd[1] = (struct pollfd){ .fd = -1, .events = POLLIN };
	pollfd[2] = (struct pollfd){ .fd = finished[0], .events = POLLIN };
	for (;;) {
		if (poll(pollfd, 3, -1) == -1)
			continue;
		if (pollfd[2].revents)
			break;
		int fd = pollfd[0].revents ? uffd : child;

		if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_FORK) {
			if (child != -1)
				close(child); /* the youngest one is watched */
			child = msg.arg.fork.ufd;
			pollfd[1].fd = child;
		} else if (msg.event == UFFD_EVENT_PAGEFAULT) {
			zero.range.start = msg.arg.pagefault.address & ~(page_size - 1);
			if (ioctl(fd, UFFDIO_ZEROPAGE, &zero) == -1)
				ioctl(fd, UFFDIO_WAKE, &zero.range);
		}
	}
	pthread_join(thr, NULL);
	status = EXIT_SUCCESS;
out:
	if (child != -1)
		close(child);
	close(uffd);
	return status;
}
