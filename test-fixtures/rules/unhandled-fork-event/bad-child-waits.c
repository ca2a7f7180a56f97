// style: manual page with a poll array; the child reads a page that is not there
// observe: fault-blocked
#define _GNU_SOURCE
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

#define errExit(msg)                                                           \
	do {                                                                   \
		perror(msg);                                                   \
		exit(EXIT_FAILURE);                                            \
	} while (0)

#define MAX_FDS 8

static long page_size;

static void give_zero_page(int uffd, const struct uffd_msg *msg)
{
	struct uffdio_zeropage zero = {
		.range.start = msg->arg.pagefault.address & ~(page_size - 1),
		.range.len = page_size,
	};

	if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero) == -1)
		ioctl(uffd, UFFDIO_WAKE, &zero.range);
}

static void *fault_handler_thread(void *arg)
{
	struct pollfd fds[MAX_FDS] = { { .fd = (long)arg, .events = POLLIN } };
	struct uffd_msg msg;
	int nfds = 1;

	while (poll(fds, nfds, -1) != -1) {
		for (int i = 0; i < nfds; i++) {
			if (!(fds[i].revents & POLLIN))
				continue;
			if (read(fds[i].fd, &msg, sizeof(msg)) != sizeof(msg))
				continue;
			if (msg.event == UFFD_EVENT_PAGEFAULT) // expect: unhandled-fork-event
				give_zero_page(fds[i].fd, &msg);
		}
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;
	long uffd;
	char *addr;
	pid_t pid;

	page_size = sysconf(_SC_PAGE_SIZE);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd == -1)
		errExit("userfaultfd");
	if (ioctl(uffd, UFFDIO_API, &api) == -1)
		errExit("ioctl-UFFDIO_API");
	addr = mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED)
		errExit("mmap");
	reg.range.start = (unsigned long)addr;
	reg.range.len = 2 * page_size;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
		errExit("ioctl-UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, fault_handler_thread, (void *)uffd) != 0)
		errExit("pthread_create");

	addr[0] = 1;
	pid = fork();
	if (pid == -1)
		errExit("fork");
	if (pid == 0)
		_exit(addr[0] == 1 && addr[page_size] == 0 ? 0 : 1);
	if (waitpid(pid, NULL, 0) == -1)
		errExit("waitpid");
	exit(EXIT_SUCCESS);
}
