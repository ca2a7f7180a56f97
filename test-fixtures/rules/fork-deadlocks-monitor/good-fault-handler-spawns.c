// style: dispatch table of handlers; the one for page faults spawns a logger, which copies no memory
// observe: output first page holds 0
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

struct pager {
	int uffd;
	char *mem;
	size_t page;
};

static void log_fault(uint64_t address)
{
	char text[32];
	char *argv[] = { "echo", text, NULL };
	pid_t pid;

	snprintf(text, sizeof(text), "fault at %#llx", (unsigned long long)address);
	if (posix_spawnp(&pid, "echo", NULL, NULL, argv, environ) == 0)
		waitpid(pid, NULL, 0);
}

static void on_fault(struct pager *p, const struct uffd_msg *msg)
{
	struct uffdio_zeropage z = { .range = { .len = p->page } };

	log_fault(msg->arg.pagefault.address);
	z.range.start = msg->arg.pagefault.address & ~(p->page - 1);
	while (ioctl(p->uffd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
}

static void on_fork(struct pager *p, const struct uffd_msg *msg)
{
	(void)p;
	close(msg->arg.fork.ufd);
}

static void (*const handlers[])(struct pager *, const struct uffd_msg *) = {
	[UFFD_EVENT_PAGEFAULT] = on_fault,
	[UFFD_EVENT_FORK] = on_fork,
};

static void *pager_run(void *arg)
{
	struct pager *p = arg;
	struct pollfd pfd = { .fd = p->uffd, .events = POLLIN };
	struct uffd_msg msg;

	while (poll(&pfd, 1, -1) > 0) {
		if (read(p->uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_PAGEFAULT || msg.event == UFFD_EVENT_FORK)
			handlers[msg.event](p, &msg);
	}
	return NULL;
}

static int pager_open(struct pager *p)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	p->page = sysconf(_SC_PAGESIZE);
	p->mem = mmap(NULL, 4 * p->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->mem == MAP_FAILED)
		return -1;
	p->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->uffd < 0)
		return -1;
	reg.range.start = (uintptr_t)p->mem;
	reg.range.len = 4 * p->page;
	if (ioctl(p->uffd, UFFDIO_API, &api) == 0 && ioctl(p->uffd, UFFDIO_REGISTER, &reg) == 0)
		return 0;
	close(p->uffd);
	return -1;
}

int main(void)
{
	struct pager p;
	pthread_t thread;

	if (pager_open(&p) < 0)
		err(1, "pager_open");
	if (pthread_create(&thread, NULL, pager_run, &p))
		errx(1, "pthread_create");
	printf("first page holds %d\n", p.mem[0]);
	return 0;
}
