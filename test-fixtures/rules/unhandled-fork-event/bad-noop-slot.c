// style: dispatch table with a no-op slot for the events that "cannot happen"
// observe: uffd-left 2
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void (*handler_fn)(int fd, const struct uffd_msg *msg);

static int uffd, quit[2];
static size_t page;
static unsigned long dropped_pages;

static void on_fault(int fd, const struct uffd_msg *msg)
{
	struct uffdio_zeropage z = {
		.range = { msg->arg.pagefault.address & ~(page - 1), page },
	};

	if (ioctl(fd, UFFDIO_ZEROPAGE, &z))
		ioctl(fd, UFFDIO_WAKE, &z.range);
}

static void on_remove(int fd, const struct uffd_msg *msg)
{
	dropped_pages += (msg->arg.remove.end - msg->arg.remove.start) / page;
}

static void on_nothing(int fd, const struct uffd_msg *msg)
{
}

static const handler_fn handlers[256] = { // expect: unhandled-fork-event
	[UFFD_EVENT_PAGEFAULT] = on_fault,
	[UFFD_EVENT_FORK] = on_nothing, // step: for UFFD_EVENT_FORK the table has on_nothing()
	[UFFD_EVENT_REMOVE] = on_remove,
};

static void *loop(void *arg)
{
	struct pollfd fds[] = { { uffd, POLLIN, 0 }, { quit[0], POLLIN, 0 } };
	struct uffd_msg msg;

	for (;;) {
		if (poll(fds, 2, -1) < 0 || fds[1].revents)
			return NULL;
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (handlers[msg.event])
			handlers[msg.event](uffd, &msg);
	}
}

int main(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE,
	};
	pthread_t tid;

	page = sysconf(_SC_PAGESIZE);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || pipe(quit))
		err(1, "userfaultfd");

	char *mem = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = {
		.range = { (unsigned long)mem, 2 * page },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	if (mem == MAP_FAILED || ioctl(uffd, UFFDIO_REGISTER, &reg))
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&tid, NULL, loop, NULL))
		errx(1, "pthread_create");
	mem[0] = 1;
	madvise(mem, page, MADV_DONTNEED);
	if (fork() == 0)
		_exit(0);
	wait(NULL);
	close(quit[1]);
	pthread_join(tid, NULL);
	return dropped_pages == 1 ? 0 : 1;
}
