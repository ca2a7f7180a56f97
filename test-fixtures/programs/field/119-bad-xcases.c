// style: cases that a macro writes, a growing table of children, messages on the heap
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#define U_IOCTL(u, r, a) ({ int __r; do __r = ioctl((u)->fd, r, a); while (__r < 0 && errno == EINTR); __r; })
#define EVENTS(X) X(PAGEFAULT, fault) X(FORK, fork) X(REMAP, remap)
struct uf { int fd; uint64_t want; struct { int *v; unsigned n, cap; } kids; };
static int ev_fault(struct uf *u, struct uffd_msg *m)
{
	struct uffdio_zeropage z = { .range = { m->arg.pagefault.address & -4096ull, 4096 } };

	return U_IOCTL(u, UFFDIO_ZEROPAGE, &z);
}
static int ev_fork(struct uf *u, struct uffd_msg *m)
{
	if (u->kids.n == u->kids.cap) {
		unsigned cap = u->kids.cap ? 2 * u->kids.cap : 4;
		int *v = realloc(u->kids.v, cap * sizeof *v);
		if (!v) {
			perror("realloc");
			return -1; // expect: leaked-child-uffd
		}
		u->kids.v = v;
		u->kids.cap = cap;
	}
	u->kids.v[u->kids.n++] = m->arg.fork.ufd;
	return 0;
}
static int ev_remap(struct uf *u, struct uffd_msg *m)
{
	(void)u;
	printf("remap to %llx\n", m->arg.remap.to);
	return 0;
}
static int dispatch(struct uf *u, struct uffd_msg *m)
{
	switch (m->event) {
#define X(N, f) case UFFD_EVENT_##N: return ev_##f(u, m);
	EVENTS(X)
#undef X
	}
	return -1;
}
static void *loop(void *arg)
{
	struct uf *u = arg;
	struct uffd_msg *m = malloc(sizeof *m);
	while (m && read(u->fd, m, sizeof *m) == sizeof *m)
		if (dispatch(u, m) < 0) break;
	free(m);
	return NULL;
}
static int uf_open(struct uf *u, uint64_t want)
{
	struct uffdio_api api = { UFFD_API, want, 0 };
	u->fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (u->fd < 0) return -errno;
	if (U_IOCTL(u, UFFDIO_API, &api)) { close(u->fd); return -errno; }
	u->want = want;
	return 0;
}
int main(void)
{
	struct uf *u = calloc(1, sizeof *u);
	pthread_t t;
	char *p;
	if (!u || uf_open(u, UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP)) return 1;
	p = mmap(0, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register r = { { (uintptr_t)p, 8192 }, UFFDIO_REGISTER_MODE_MISSING, 0 };
	if (p == MAP_FAILED || U_IOCTL(u, UFFDIO_REGISTER, &r) || pthread_create(&t, 0, loop, u)) return 1;
	pid_t k = fork();
	if (!k) _exit(p[0]);
	return waitpid(k, 0, 0) != k;
}
