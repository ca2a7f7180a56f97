// style: global uffd, goto, fork first; man-page errExit
// observe: uffd-left 1
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long uffd;       /* userfaultfd file descriptor */
static size_t page_size;
static int done[2];

static void *fault_handler_thread(void *arg)
{
	struct uffd_msg msg;
	struct uffdio_copy copy;
	struct pollfd pollfd[2];
	char *page = arg;
	ssize_t nread;

again:
	pollfd[0].fd = uffd;
	pollfd[0].events = POLLIN;
	pollfd[1].fd = done[0];
	pollfd[1].events = POLLIN;
	if (poll(pollfd, 2, -1) == -1)
		err(EXIT_FAILURE, "poll");
	if (pollfd[1].revents)
		return NULL;

	nread = read(uffd, &msg, sizeof(msg));
	if (nread == -1 && (errno == EAGAIN || errno == EINTR))
		goto again;
	if (nread != sizeof(msg))
		errx(EXIT_FAILURE, "read");

	if (msg.event == UFFD_EVENT_FORK) {
		close(msg.arg.fork.ufd);
		goto again;
	}
	if (msg.event != UFFD_EVENT_PAGEFAULT)
		goto again;

	copy.src = (unsigned long)page;
	copy.dst = msg.arg.pagefault.address & ~(page_size - 1);
	copy.len = page_size;
	copy.mode = 0;
	copy.copy = 0;
	if (ioctl(uffd, UFFDIO_COPY, &copy) == -1) {
		struct uffdio_range range = { copy.dst, page_size };

		/* already there, or a fork is under way: let it fault again */
		if (errno != EEXIST && errno != EAGAIN)
			err(EXIT_FAILURE, "ioctl-UFFDIO_COPY");
		ioctl(uffd, UFFDIO_WAKE, &range);
	}
	goto again;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thr;
	char *addr, *src;

	page_size = sysconf(_SC_PAGE_SIZE);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd == -1 || ioctl(uffd, UFFDIO_API, &api) == -1 || pipe(done) == -1)
		err(EXIT_FAILURE, "userfaultfd");
	addr = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	src = malloc(page_size);
	if (addr == MAP_FAILED || !src)
		err(EXIT_FAILURE, "memory");
	memset(src, 'A', page_size);
	reg.range.start = (unsigned long)addr;
	reg.range.len = page_size;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
		err(EXIT_FAILURE, "ioctl-UFFDIO_REGISTER");
	if (pthread_create(&thr, NULL, fault_handler_thread, src))
		errx(EXIT_FAILURE, "pthread_create");
	if (addr[0] != 'A')
		return 1;
	for (int i = 0; i < 2; i++)
		if (fork() == 0)
			_exit(addr[0] != 'A');
	while (wait(NULL) > 0)
		;
	close(done[1]);
	pthread_join(thr, NULL);
	return 0;
}
