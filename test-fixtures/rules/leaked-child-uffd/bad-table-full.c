// style: struct ctx * thread argument, fixed table of children, early return when it is full
// observe: uffd-left 4
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_CHILDREN 2

struct ctx {
	size_t page;
	int nfds;
	struct pollfd fds[2 + MAX_CHILDREN]; /* stop pipe, parent, children */
};

static void serve(int fd, unsigned long addr, size_t page)
{
	struct uffdio_zeropage z = { .range = { addr & ~(page - 1), page } };

	if (ioctl(fd, UFFDIO_ZEROPAGE, &z) == 0)
		return;
	if (errno == EEXIST || errno == EAGAIN)
		ioctl(fd, UFFDIO_WAKE, &z.range);
	else if (errno != ESRCH)
		err(1, "UFFDIO_ZEROPAGE");
}

static int add_child(struct ctx *c, const struct uffd_msg *msg)
{
	if (c->nfds == 2 + MAX_CHILDREN)
		return -1; // expect: leaked-child-uffd
	c->fds[c->nfds].fd = msg->arg.fork.ufd;
	c->fds[c->nfds].events = POLLIN;
	c->nfds++;
	return 0;
}

static void *monitor(void *arg)
{
	struct ctx *c = arg;
	struct uffd_msg msg;

	for (;;) {
		if (poll(c->fds, c->nfds, -1) < 0 && errno != EINTR)
			err(1, "poll");
		if (c->fds[0].revents)
			return NULL;
		for (int i = 1; i < c->nfds; i++) {
			if (!(c->fds[i].revents & POLLIN))
				continue;
			if (read(c->fds[i].fd, &msg, sizeof(msg)) != sizeof(msg))
				continue;
			if (msg.event == UFFD_EVENT_FORK)
				add_child(c, &msg);
			else if (msg.event == UFFD_EVENT_PAGEFAULT)
				serve(c->fds[i].fd, msg.arg.pagefault.address, c->page);
		}
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct ctx c = { .page = sysconf(_SC_PAGESIZE), .nfds = 2 };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), p[2];
	pthread_t t;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || pipe(p))
		err(1, "setup");
	void *mem = mmap(NULL, c.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = { .range = { (unsigned long)mem, c.page },
				       .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (mem == MAP_FAILED || ioctl(fd, UFFDIO_REGISTER, &reg))
		err(1, "register");
	c.fds[0] = (struct pollfd){ .fd = p[0], .events = POLLIN };
	c.fds[1] = (struct pollfd){ .fd = fd, .events = POLLIN };
	if (pthread_create(&t, NULL, monitor, &c))
		errx(1, "pthread_create");
	for (int i = 0; i < 3; i++)
		if (fork() == 0)
			_exit(0);
	while (wait(NULL) > 0)
		;
	close(p[1]); /* POLLHUP stops the monitor */
	pthread_join(t, NULL);
	return 0;
}
