// style: handles with a generation, and one that says nothing was found
/* generational handles: descriptors live in a slab, code passes 64-bit handles */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct { uint32_t idx, gen; } handle;
#define NIL ((handle){ UINT32_MAX, 0 })
static inline bool is_nil(handle h) { return h.idx == UINT32_MAX; }
static inline uint64_t pack(handle h) { return (uint64_t)h.gen << 32 | h.idx; }
static inline handle unpack(uint64_t v) { return (handle){ (uint32_t)v, v >> 32 }; }

struct entry { uint32_t gen; bool used; int fd; uint64_t faults; };

static struct slab { struct entry *e; uint32_t n, cap; } slab;
static int ep, quit[2];
static long psz;

static handle slab_put(struct slab *s, int fd)
{
	uint32_t i;

	for (i = 0; i < s->n && s->e[i].used; i++)
		;
	if (i == s->cap) {
		uint32_t c = s->cap ? s->cap * 2 : 4;
		struct entry *e = realloc(s->e, c * sizeof *e);
		if (!e)
			return NIL;
		memset(e + s->cap, 0, (c - s->cap) * sizeof *e);
		s->e = e;
		s->cap = c;
	}
	if (i == s->n)
		s->n++;
	s->e[i].used = true;
	s->e[i].fd = fd;
	s->e[i].faults = 0;
	return (handle){ i, ++s->e[i].gen };
}

static struct entry *slab_get(struct slab *s, handle h)
{
	if (h.idx >= s->n || !s->e[h.idx].used || s->e[h.idx].gen != h.gen)
		return NULL;
	return &s->e[h.idx];
}

static void slab_drop(struct slab *s, handle h)
{
	struct entry *e = slab_get(s, h);

	if (e) {
		close(e->fd);
		e->used = false;
	}
}

static handle join_loop(int fd)
{
	handle h = slab_put(&slab, fd);

	if (is_nil(h)) {
		close(fd);
		return h;
	}
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = pack(h) };
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) < 0) {
		slab_drop(&slab, h);
		return NIL;
	}
	return h;
}

enum verdict { KEEP, DROP };

static enum verdict process(handle h)
{
	struct entry *e = slab_get(&slab, h);
	struct uffd_msg m;
	int fd;

	if (!e)
		return KEEP;	/* stale event */
	fd = e->fd;
	switch (read(fd, &m, sizeof m)) {
	case -1:
		return errno == EAGAIN || errno == EINTR ? KEEP : DROP;
	case sizeof m:
		break;
	default:
		return DROP;
	}
	if (m.event == UFFD_EVENT_FORK) {
		if (is_nil(join_loop(m.arg.fork.ufd)))
			fprintf(stderr, "child not served\n");
		return KEEP;
	} else if (m.event == UFFD_EVENT_PAGEFAULT) {
		struct uffdio_zeropage z = { .range = { m.arg.pagefault.address & -psz, psz } };
		e->faults++;
		if (ioctl(fd, UFFDIO_ZEROPAGE, &z) == 0)
			return KEEP;
		if (errno == ESRCH)
			return DROP;
		ioctl(fd, UFFDIO_WAKE, &z.range);
	}
	return KEEP;
}

static void *loop(void *rootp)
{
	handle root = *(handle *)rootp;
	struct epoll_event ev[4];

	for (;;) {
		int n = epoll_wait(ep, ev, 4, -1);
		for (int i = 0; i < n; i++) {
			handle h = unpack(ev[i].data.u64);
			if (is_nil(h))
				goto done;
			if (process(h) == DROP && pack(h) != pack(root))
				slab_drop(&slab, h);
		}
	}
done:
	for (uint32_t i = 0; i < slab.n; i++)
		slab_drop(&slab, (handle){ i, slab.e[i].gen });
	free(slab.e);
	return NULL;
}

int main(void)
{
	pthread_t t;
	int u, bad = 0;

	psz = sysconf(_SC_PAGESIZE);
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep < 0 || pipe2(quit, O_CLOEXEC))
		return 1;
	struct epoll_event q = { .events = EPOLLIN, .data.u64 = pack(NIL) };
	if (epoll_ctl(ep, EPOLL_CTL_ADD, quit[0], &q))
		return 1;
	u = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (u < 0)
		return 1;
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	if (ioctl(u, UFFDIO_API, &api) < 0)
		return 1;
	char *m = mmap(NULL, 16 * psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register r = { .range = { (uintptr_t)m, 16 * psz }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (ioctl(u, UFFDIO_REGISTER, &r) < 0)
		return 1;
	handle root = join_loop(u);
	if (is_nil(root) || pthread_create(&t, NULL, loop, &root))
		return 1;
	for (int i = 0; i < 9; i++) {
		int st;
		pid_t c = fork();
		if (c == 0)
			_exit(m[i * psz]);
		if (c < 0 || waitpid(c, &st, 0) != c || st)
			bad++;
	}
	close(quit[1]);
	pthread_join(t, NULL);
	close(ep);
	printf("bad %d\n", bad);
	return bad;
}
