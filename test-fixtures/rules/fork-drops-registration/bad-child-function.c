// style: the child works in a function
// observe: output child sums 0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define errExit(msg)                                                           \
	do {                                                                   \
		perror(msg);                                                   \
		exit(EXIT_FAILURE);                                            \
	} while (0)

static long page_size;
static char *content;

static int sum(const char *p, size_t n)
{
	int s = 0;

	while (n--)
		s += *p++;
	return s;
}

static void *fault_handler_thread(void *arg)
{
	long uffd = (long)arg;
	struct uffd_msg msg;

	for (;;) {
		struct pollfd pollfd = { .fd = uffd, .events = POLLIN };
		struct uffdio_copy copy;
		ssize_t nread;

		if (poll(&pollfd, 1, -1) == -1)
			errExit("poll");
		nread = read(uffd, &msg, sizeof(msg));
		if (nread == 0)
			errExit("EOF on userfaultfd");
		if (nread == -1)
			continue;
		switch (msg.event) {
		case UFFD_EVENT_PAGEFAULT:
			copy.src = (unsigned long)content;
			copy.dst = msg.arg.pagefault.address & ~(page_size - 1);
			copy.len = page_size;
			copy.mode = 0;
			if (ioctl(uffd, UFFDIO_COPY, &copy) == -1 && errno != EAGAIN && errno != EEXIST)
				errExit("ioctl-UFFDIO_COPY");
			break;
		default:
			errExit("unexpected event");
		}
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api uffdio_api;
	struct uffdio_register uffdio_register;
	long uffd;
	char *addr;
	pid_t pid;

	page_size = sysconf(_SC_PAGE_SIZE);
	content = malloc(page_size);
	if (content == NULL)
		errExit("malloc");
	memset(content, 1, page_size);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd == -1)
		errExit("userfaultfd");
	uffdio_api.api = UFFD_API;
	uffdio_api.features = 0;
	if (ioctl(uffd, UFFDIO_API, &uffdio_api) == -1)
		errExit("ioctl-UFFDIO_API");
	addr = mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		errExit("mmap");
	uffdio_register.range.start = (unsigned long)addr;
	uffdio_register.range.len = 2 * page_size;
	uffdio_register.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(uffd, UFFDIO_REGISTER, &uffdio_register) == -1)
		errExit("ioctl-UFFDIO_REGISTER");
	pthread_t thr;
	if (pthread_create(&thr, NULL, fault_handler_thread, (void *)uffd) != 0)
		errExit("pthread_create");
	pid = fork(); // expect: fork-drops-registration
	if (pid == -1)
		errExit("fork");
	if (pid == 0) {
		printf("child sums %d\n", sum(addr, 2 * page_size));
		exit(EXIT_SUCCESS);
	}
	waitpid(pid, NULL, 0);
	exit(EXIT_SUCCESS);
}
