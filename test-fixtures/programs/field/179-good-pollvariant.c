// style: followed forks and the way to wait are choices of the build
/* uthash-like intrusive handles, conditional compilation: FOLLOW_FORKS on/off, USE_EPOLL on/off */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stddef.h>
#include <pthread.h>
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

#ifndef NO_FOLLOW_FORKS
#define FOLLOW_FORKS 1
#endif
#ifndef USE_POLL
#define USE_EPOLL 1
#endif

#if FOLLOW_FORKS
# define FEATURES (UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_THREAD_ID)
#else
# define FEATURES 0
#endif

typedef struct hh { struct hh *chain, *prev, *next; int key; } hh_t;
#define NBUCKET 16
struct tab { hh_t *bucket[NBUCKET]; hh_t *head; unsigned count; };

#define HH_ELMT(type, p) ((type *)((char *)(p) - offsetof(type, hh)))
#define HASH_ADD_INT(t, field, el) do {                        \
	hh_t *h__ = &(el)->hh;                                 \
	unsigned b__ = (unsigned)(el)->field % NBUCKET;        \
	h__->key = (el)->field;                                \
	h__->chain = (t)->bucket[b__];                         \
	(t)->bucket[b__] = h__;                                \
	h__->prev = NULL;                                      \
	h__->next = (t)->head;                                 \
	if ((t)->head) (t)->head->prev = h__;                  \
	(t)->head = h__;                                       \
	(t)->count++;                                          \
} while (0)
#define HASH_FIND_INT(t, k, out) do {                          \
	hh_t *h__ = (t)->bucket[(unsigned)(k) % NBUCKET];      \
	while (h__ && h__->key != (k)) h__ = h__->chain;       \
	(out) = h__ ? HH_ELMT(struct peer, h__) : NULL;        \
} while (0)
#define HASH_DEL(t, el) do {                                   \
	hh_t *h__ = &(el)->hh;                                 \
	hh_t **pp__ = &(t)->bucket[(unsigned)h__->key % NBUCKET]; \
	while (*pp__ != h__) pp__ = &(*pp__)->chain;           \
	*pp__ = h__->chain;                                    \
	if (h__->prev) h__->prev->next = h__->next; else (t)->head = h__->next; \
	if (h__->next) h__->next->prev = h__->prev;            \
	(t)->count--;                                          \
} while (0)
#define HASH_ITER(t, el, tmp) \
	for (tmp = (t)->head; tmp && ((el) = HH_ELMT(struct peer, tmp), tmp = tmp->next, 1) ; )

struct peer { int fd; unsigned faults; uint32_t last_tid; hh_t hh; };

static struct tab peers;
static int bell[2];
static long psz;
#if USE_EPOLL
static int ep = -1;
#endif

static int peer_add(int fd)
{
	struct peer *p = calloc(1, sizeof *p);

	if (!p)
		return -1;
	p->fd = fd;
#if USE_EPOLL
	struct epoll_event e = { .events = EPOLLIN, .data.fd = fd };
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e)) {
		free(p);
		return -1;
	}
#endif
	HASH_ADD_INT(&peers, fd, p);
	return 0;
}

static void peer_del(struct peer *p)
{
	HASH_DEL(&peers, p);
	close(p->fd);
	free(p);
}

static int peer_step(struct peer *p)
{
	struct uffd_msg m;
	ssize_t n = read(p->fd, &m, sizeof m);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	if (n != sizeof m)
		return -1;
	switch (m.event) {
	case UFFD_EVENT_PAGEFAULT: {
		struct uffdio_zeropage z = { .range = { m.arg.pagefault.address & -psz, psz } };
		p->faults++;
#if FOLLOW_FORKS
		p->last_tid = m.arg.pagefault.feat.ptid;
#endif
		if (ioctl(p->fd, UFFDIO_ZEROPAGE, &z)) {
			if (errno == ESRCH)
				return -1;
			ioctl(p->fd, UFFDIO_WAKE, &z.range);
		}
		return 0;
	}
#if FOLLOW_FORKS
	case UFFD_EVENT_FORK:
		if (peer_add(m.arg.fork.ufd)) {
			close(m.arg.fork.ufd);
			fprintf(stderr, "peer lost\n");
		}
		return 0;
#endif
	default:
		fprintf(stderr, "event %u\n", m.event);
		abort();
	}
}

static void *loop(void *u)
{
	int root = *(int *)u;

	for (;;) {
		struct peer *p;
#if USE_EPOLL
		struct epoll_event e;
		if (epoll_wait(ep, &e, 1, -1) != 1)
			continue;
		if (e.data.fd == bell[0])
			break;
		HASH_FIND_INT(&peers, e.data.fd, p);
		if (p && peer_step(p) < 0 && p->fd != root)
			peer_del(p);
#else
		struct pollfd pf[64] = { { .fd = bell[0], .events = POLLIN } };
		hh_t *it;
		int n = 1;
		HASH_ITER(&peers, p, it)
			if (n < 64)
				pf[n++] = (struct pollfd){ .fd = p->fd, .events = POLLIN };
		if (poll(pf, n, -1) < 0)
			continue;
		if (pf[0].revents)
			break;
		for (int i = 1; i < n; i++) {
			if (!pf[i].revents)
				continue;
			HASH_FIND_INT(&peers, pf[i].fd, p);
			if (p && peer_step(p) < 0 && p->fd != root)
				peer_del(p);
		}
#endif
	}
	hh_t *it;
	struct peer *p;
	HASH_ITER(&peers, p, it)
		peer_del(p);
	return NULL;
}

int main(void)
{
	pthread_t t;
	int u, bad = 0;

	psz = sysconf(_SC_PAGESIZE);
	char *m = mmap(NULL, 16 * psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pipe2(bell, O_CLOEXEC))
		return 1;
#if USE_EPOLL
	ep = epoll_create1(EPOLL_CLOEXEC);
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, bell[0], &(struct epoll_event){ .events = EPOLLIN, .data.fd = bell[0] }))
		return 1;
#endif
	u = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (u < 0)
		return 1;
	struct uffdio_api api = { .api = UFFD_API, .features = FEATURES };
	if (ioctl(u, UFFDIO_API, &api))
		return 1;
	struct uffdio_register r = { .range = { (uintptr_t)m, 16 * psz }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (ioctl(u, UFFDIO_REGISTER, &r) || peer_add(u))
		return 1;
	if (pthread_create(&t, NULL, loop, &u))
		return 1;
	for (int i = 0; i < 6; i++) {
#if FOLLOW_FORKS
		pid_t c = fork();
		int st;
		if (c == 0)
			_exit(m[i * psz]);
		if (c < 0 || waitpid(c, &st, 0) != c || st)
			bad++;
#else
		bad += m[i * psz];
#endif
	}
	close(bell[1]);
	pthread_join(t, NULL);
	printf("bad %d count %u\n", bad, peers.count);
	return bad || peers.count;
}
