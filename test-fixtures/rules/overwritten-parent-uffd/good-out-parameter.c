// style: dispatch table; the handlers get the reader's descriptor by address
// observe: uffd-left 0
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void event_fn(int *fd, struct uffd_msg *msg);

static unsigned long page_size;
static int stop_pipe[2];

static event_fn do_fault, do_fork;

static event_fn *const dispatch[] = {
	[UFFD_EVENT_PAGEFAULT] = do_fault,
	[UFFD_EVENT_FORK] = do_fork,
};

static void do_fault(int *fd, struct uffd_msg *msg)
{
	struct uffdio_zeropage z = { .range.len = page_size };

	z.range.start = msg->arg.pagefault.address & ~(page_size - 1);
	if (ioctl(*fd, UFFDIO_ZEROPAGE, &z) == -1)
		ioctl(*fd, UFFDIO_WAKE, &z.range);
}

static void do_fork(int *fd, struct uffd_msg *msg)
{
	/* from here on follow the child; the parent is done with its range */
	close(*fd);
	*fd = msg->arg.fork.ufd;
}

static void *follow(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg msg;

	free(arg);
	for (;;) {
		struct pollfd p[] = { { fd, POLLIN, 0 }, { stop_pipe[0], POLLIN, 0 } };

		if (poll(p, 2, -1) == -1 && errno != EINTR)
			err(1, "poll");
		if (p[1].revents)
			break;
		if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event < sizeof(dispatch) / sizeof(*dispatch) && dispatch[msg.event])
			dispatch[msg.event](&fd, &msg);
	}
	close(fd);
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int *fd = malloc(sizeof(*fd));
	pthread_t t;

	page_size = sysconf(_SC_PAGESIZE);
	if (!fd || pipe(stop_pipe))
		err(1, "setup");
	*fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (*fd == -1 || ioctl(*fd, UFFDIO_API, &api) == -1)
		err(1, "userfaultfd");
	char *mem = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (unsigned long)mem;
	reg.range.len = page_size;
	if (mem == MAP_FAILED || ioctl(*fd, UFFDIO_REGISTER, &reg) == -1)
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&t, NULL, follow, fd))
		errx(1, "pthread_create");
	mem[0] = 1;
	if (fork() == 0)
		_exit(mem[0] - 1);
	wait(NULL);
	close(stop_pipe[1]);
	pthread_join(t, NULL);
	return 0;
}
