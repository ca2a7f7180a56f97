// style: a single reader that follows the newest process; CRIU-like struct
// observe: fork-blocked
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

struct lazy_pages {
	struct pollfd stop;
	int uffd;
	long page_size;
	char *area;
};

static int zero_page(struct lazy_pages *lp, unsigned long address)
{
	struct uffdio_zeropage z = { .range = { address & ~(lp->page_size - 1), lp->page_size } };

	if (ioctl(lp->uffd, UFFDIO_ZEROPAGE, &z) == 0)
		return 0;
	if (errno != EEXIST && errno != EAGAIN && errno != ESRCH)
		return -1;
	return ioctl(lp->uffd, UFFDIO_WAKE, &z.range);
}

static int handle_event(struct lazy_pages *lp)
{
	struct uffd_msg msg;

	if (read(lp->uffd, &msg, sizeof(msg)) != sizeof(msg))
		return 0;
	switch (msg.event) {
	case UFFD_EVENT_PAGEFAULT:
		return zero_page(lp, msg.arg.pagefault.address);
	case UFFD_EVENT_FORK:
		/* the child does the work from now on */
		lp->uffd = msg.arg.fork.ufd; // expect: overwritten-parent-uffd
		return 0;
	}
	return -1;
}

static void *lazy_pages_thread(void *arg)
{
	struct lazy_pages *lp = arg;

	for (;;) {
		struct pollfd fds[2] = { lp->stop, { lp->uffd, POLLIN, 0 } };

		if (poll(fds, 2, -1) == -1 && errno != EINTR)
			break;
		if (fds[0].revents)
			break;
		if (fds[1].revents && handle_event(lp))
			_exit(EXIT_FAILURE);
	}
	return NULL;
}

static int lazy_pages_open(struct lazy_pages *lp)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	lp->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (lp->uffd == -1)
		return -1;
	lp->page_size = sysconf(_SC_PAGESIZE);
	lp->area = mmap(NULL, lp->page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (unsigned long)lp->area;
	reg.range.len = lp->page_size;
	if (lp->area == MAP_FAILED || ioctl(lp->uffd, UFFDIO_API, &api) || ioctl(lp->uffd, UFFDIO_REGISTER, &reg)) {
		close(lp->uffd);
		return -1;
	}
	return 0;
}

int main(void)
{
	struct lazy_pages lp;
	pthread_t thread;
	int stop[2];

	if (pipe(stop) || lazy_pages_open(&lp))
		return EXIT_FAILURE;
	lp.stop = (struct pollfd){ stop[0], POLLIN, 0 };
	if (pthread_create(&thread, NULL, lazy_pages_thread, &lp))
		return EXIT_FAILURE;
	for (int generation = 0; generation < 2; generation++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(lp.area[0]);
		waitpid(pid, NULL, 0);
	}
	close(stop[1]);
	pthread_join(thread, NULL);
	return 0;
}
