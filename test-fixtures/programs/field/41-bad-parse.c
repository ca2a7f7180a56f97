#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Events in the program's own vocabulary. */
struct event {
	enum { EV_IDLE, EV_FAULT, EV_CHILD, EV_DROP, EV_BROKEN } kind;
	union {
		struct {
			uint64_t addr;
			unsigned write : 1;
		} fault;
		int child;
		struct {
			uint64_t from, to;
		} drop;
	} u;
};

struct tracer {
	int fd;
	uint8_t *mem;
	size_t size;
	uint64_t psz;
	volatile sig_atomic_t stop;
	struct {
		int fd[8];
		unsigned n;
	} children;
	unsigned long faults, dropped;
};

static struct event next_event(int fd, int timeout)
{
	struct event ev = { .kind = EV_IDLE };
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct uffd_msg m;

	switch (poll(&p, 1, timeout)) {
	case 0:
		return ev;
	case -1:
		ev.kind = errno == EINTR ? EV_IDLE : EV_BROKEN;
		return ev;
	}
	if (p.revents & (POLLERR | POLLNVAL)) {
		ev.kind = EV_BROKEN;
		return ev;
	}
	if (read(fd, &m, sizeof(m)) != sizeof(m))
		return ev;
	switch (m.event) {
	case UFFD_EVENT_PAGEFAULT:
		ev.kind = EV_FAULT;
		ev.u.fault.addr = m.arg.pagefault.address;
		ev.u.fault.write = !!(m.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE);
		break;
	case UFFD_EVENT_FORK: // expect: leaked-child-uffd
		ev.kind = EV_CHILD;
		ev.u.child = m.arg.fork.ufd;
		break;
	case UFFD_EVENT_REMOVE:
		ev.kind = EV_DROP;
		ev.u.drop.from = m.arg.remove.start;
		ev.u.drop.to = m.arg.remove.end;
		break;
	}
	return ev;
}

static void resolve(struct tracer *t, int fd, uint64_t addr)
{
	struct uffdio_zeropage z = { .range = { addr & ~(t->psz - 1), t->psz }, .mode = 0 };

	t->faults++;
	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) && errno == EAGAIN)
		;
}

static void handle(struct tracer *t, int fd, struct event ev)
{
	switch (ev.kind) {
	case EV_FAULT:
		resolve(t, fd, ev.u.fault.addr);
		break;
	case EV_CHILD:
		if (t->children.n < sizeof(t->children.fd) / sizeof(t->children.fd[0]))
			t->children.fd[t->children.n++] = ev.u.child;
		break;
	case EV_DROP:
		t->dropped += (ev.u.drop.to - ev.u.drop.from) / t->psz;
		break;
	case EV_IDLE:
	case EV_BROKEN:
		break;
	}
}

static void *trace(void *arg)
{
	struct tracer *t = arg;
	unsigned i;

	while (!t->stop) {
		struct event ev = next_event(t->fd, 20);

		if (ev.kind == EV_BROKEN)
			break;
		handle(t, t->fd, ev);
		for (i = 0; i < t->children.n; i++)
			handle(t, t->children.fd[i], next_event(t->children.fd[i], 0));
	}
	for (i = 0; i < t->children.n; i++)
		close(t->children.fd[i]);
	close(t->fd);
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	static struct tracer t;
	pthread_t th;
	int i;

	t.psz = sysconf(_SC_PAGESIZE);
	t.size = 16 * t.psz;
	t.mem = mmap(NULL, t.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t.mem == MAP_FAILED)
		return 1;
	t.fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (t.fd < 0)
		return 1;
	api.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE;
	if (ioctl(t.fd, UFFDIO_API, &api) < 0)
		return 1;
	reg.range.start = (uintptr_t)t.mem;
	reg.range.len = t.size;
	if (ioctl(t.fd, UFFDIO_REGISTER, &reg) < 0)
		return 1;
	if (pthread_create(&th, NULL, trace, &t))
		return 1;
	t.mem[0] = 1;
	for (i = 0; i < 10; i++) {
		pid_t p = fork();

		if (p < 0)
			return 1;
		if (p == 0)
			_exit(t.mem[0] != 1);
		waitpid(p, NULL, 0);
	}
	t.stop = 1;
	pthread_join(th, NULL);
	printf("%lu faults, %u children\n", t.faults, t.children.n);
	return 0;
}
