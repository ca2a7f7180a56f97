// style: results as records, handed on by what calls return
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- ownership ---- */
typedef struct { int raw; } OwnedFd;
#define OWNED_NONE ((OwnedFd){ -1 })

static inline OwnedFd owned(int raw) { return (OwnedFd){ raw }; }
static inline int owned_borrow(const OwnedFd *fd) { return fd->raw; }
static inline int owned_release(OwnedFd *fd)
{
	int raw = fd->raw;
	fd->raw = -1;
	return raw;
}
static inline OwnedFd owned_move(OwnedFd *from)
{
	return owned(owned_release(from));
}
static inline void owned_drop(OwnedFd *fd)
{
	if (fd->raw >= 0)
		close(fd->raw);
	fd->raw = -1;
}
#define auto_fd __attribute__((cleanup(owned_drop))) OwnedFd

/* ---- results ---- */
typedef struct { bool ok; int error; OwnedFd value; } FdResult;
typedef enum { EV_NONE, EV_FAULT, EV_CHILD, EV_OTHER } EvKind;
typedef struct {
	bool ok;
	int error;
	EvKind kind;
	uint64_t address;
	OwnedFd child;
} EventResult;

static FdResult fd_ok(OwnedFd v) { return (FdResult){ .ok = true, .value = v }; }
static FdResult fd_err(int e) { return (FdResult){ .ok = false, .error = e, .value = OWNED_NONE }; }

static FdResult uffd_new(uint64_t features)
{
	auto_fd fd = owned(syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	if (owned_borrow(&fd) < 0)
		return fd_err(errno);
	if (ioctl(owned_borrow(&fd), UFFDIO_API, &api) < 0)
		return fd_err(errno);
	return fd_ok(owned_move(&fd));
}

static EventResult event_next(const OwnedFd *uffd)
{
	struct uffd_msg m;
	ssize_t n = read(owned_borrow(uffd), &m, sizeof m);

	if (n < 0 && errno == EAGAIN)
		return (EventResult){ .ok = true, .kind = EV_NONE, .child = OWNED_NONE };
	if (n != sizeof m)
		return (EventResult){ .ok = false, .error = n < 0 ? errno : EPROTO, .child = OWNED_NONE };
	switch (m.event) {
	case UFFD_EVENT_PAGEFAULT:
		return (EventResult){ .ok = true, .kind = EV_FAULT, .address = m.arg.pagefault.address, .child = OWNED_NONE };
	case UFFD_EVENT_FORK:
		return (EventResult){ .ok = true, .kind = EV_CHILD, .child = owned(m.arg.fork.ufd) };
	default:
		return (EventResult){ .ok = true, .kind = EV_OTHER, .child = OWNED_NONE };
	}
}

typedef struct {
	OwnedFd *items;
	size_t len, cap;
} FdVec;

static bool vec_push(FdVec *v, OwnedFd fd)
{
	if (v->len == v->cap) {
		size_t cap = v->cap ? 2 * v->cap : 2;
		OwnedFd *items = realloc(v->items, cap * sizeof *items);

		if (!items) {
			owned_drop(&fd);
			return false;
		}
		v->items = items;
		v->cap = cap;
	}
	v->items[v->len++] = owned_move(&fd);
	return true;
}

typedef struct {
	FdVec fds;
	OwnedFd stop;
	long page;
} Pager;

static bool pager_drain(Pager *p, size_t i)
{
	for (;;) {
		EventResult e = event_next(&p->fds.items[i]);

		if (!e.ok) {
			fprintf(stderr, "event: %s\n", strerror(e.error));
			return false;
		}
		if (e.kind == EV_NONE)
			return true;
		if (e.kind == EV_CHILD) {
			if (!vec_push(&p->fds, e.child))
				return false;
		} else if (e.kind == EV_FAULT) {
			struct uffdio_zeropage z = { .range = { e.address & ~(uint64_t)(p->page - 1), p->page } };
			while (ioctl(owned_borrow(&p->fds.items[i]), UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
				;
		}
	}
}

static void *pager_run(void *arg)
{
	Pager *p = arg;

	for (;;) {
		struct pollfd pf[64];
		nfds_t n = 0;

		pf[n++] = (struct pollfd){ owned_borrow(&p->stop), POLLIN, 0 };
		for (size_t i = 0; i < p->fds.len && n < 64; i++)
			pf[n++] = (struct pollfd){ owned_borrow(&p->fds.items[i]), POLLIN, 0 };
		if (poll(pf, n, -1) < 0)
			continue;
		if (pf[0].revents)
			return NULL;
		for (nfds_t k = 1; k < n; k++)
			if (pf[k].revents & POLLIN && !pager_drain(p, k - 1))
				return NULL;
	}
}

int main(void)
{
	int sp[2];
	pthread_t th;
	Pager p = { .page = sysconf(_SC_PAGESIZE) };

	if (pipe2(sp, O_CLOEXEC) < 0)
		return 1;
	p.stop = owned(sp[0]);
	FdResult r = uffd_new(UFFD_FEATURE_EVENT_FORK);
	if (!r.ok) {
		fprintf(stderr, "userfaultfd: %s\n", strerror(r.error));
		return 1;
	}
	char *mem = mmap(NULL, 4 * p.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = { .range = { (uintptr_t)mem, 4 * p.page }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (mem == MAP_FAILED || ioctl(owned_borrow(&r.value), UFFDIO_REGISTER, &reg) < 0) {
		owned_drop(&r.value);
		return 1;
	}
	if (!vec_push(&p.fds, owned_move(&r.value)))
		return 1;
	if (pthread_create(&th, NULL, pager_run, &p))
		return 1;
	mem[0] = 1;
	pid_t pid = fork();
	if (pid == 0) {
		mem[p.page] = 2;
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
	close(sp[1]);
	pthread_join(th, NULL);
	for (size_t i = 0; i < p.fds.len; i++)
		owned_drop(&p.fds.items[i]);
	free(p.fds.items);
	owned_drop(&p.stop);
	return 0;
}
