#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int xioctl(int fd, unsigned long req, void *arg)
{
	int r;
	do {
		r = ioctl(fd, req, arg);
	} while (r == -1 && errno == EINTR);
	return r;
}
#define CHECK(e) ({ long _r = (long)(e); if (_r == -1) { perror(#e); exit(2); } _r; })
struct server { int fd; pthread_t thr; void *mem; size_t len; unsigned long long features; int kids[64]; int nkids; };
static void server_init(struct server *s, unsigned long long features)
{
	struct uffdio_api api;
	struct uffdio_register reg;
	memset(&api, 0, sizeof api);
	api.api = UFFD_API;
	api.features = features;
	s->features = features;
	s->fd = CHECK(syscall(__NR_userfaultfd, O_NONBLOCK | O_CLOEXEC));
	CHECK(xioctl(s->fd, UFFDIO_API, &api));
	s->len = 1 << 20;
	s->mem = mmap(0, s->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->mem == MAP_FAILED) abort();
	memset(&reg, 0, sizeof reg);
	reg.range.start = (unsigned long)s->mem;
	reg.range.len = s->len;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	CHECK(xioctl(s->fd, UFFDIO_REGISTER, &reg));
}
static void zero(struct server *s, const struct uffd_msg *m)
{
	struct uffdio_zeropage z = { .range = { .start = m->arg.pagefault.address & ~0xfffULL, .len = 4096 } };
	if (xioctl(s->fd, UFFDIO_ZEROPAGE, &z) == -1 && errno != EEXIST) perror("zeropage");
}

static int do_pf(struct server *s, struct uffd_msg *m) { zero(s, m); return 0; }
static int do_nothing(struct server *s, struct uffd_msg *m) { return 0; }
static int do_fork(struct server *s, struct uffd_msg *m) { close(m->arg.fork.ufd); return 0; }
static struct { unsigned ev; int (*fn)(struct server *, struct uffd_msg *); } ops[] = { // expect: unhandled-fork-event
	{ UFFD_EVENT_PAGEFAULT, do_pf },
	{ UFFD_EVENT_FORK, do_nothing }, // step: for UFFD_EVENT_FORK the table has do_nothing()
};

static void *serve(void *arg)
{
	struct server *s = arg;
	struct uffd_msg msg;
	for (;;) {
		struct pollfd p = { .fd = s->fd, .events = POLLIN };
		if (poll(&p, 1, -1) <= 0) continue;
		ssize_t n = read(s->fd, &msg, sizeof msg);
		if (n != sizeof msg) continue;
		for (unsigned i = 0; i < sizeof ops / sizeof ops[0]; i++) if (ops[i].ev == msg.event) { ops[i].fn(s, &msg); break; }
	}
	return NULL;
}

int main(void)
{
	struct server s = { 0 };
	server_init(&s, UFFD_FEATURE_EVENT_FORK);
	if (pthread_create(&s.thr, NULL, serve, &s)) return 1;
	for (int i = 0; i < 4; i++) {
		pid_t p = fork();
		if (p == 0) _exit(0);
		waitpid(p, NULL, 0);
	}
	return 0;
}
