// style: a handshake that asks for less and less, and a word that says what came of it
/* handshake in layers: probe on a second descriptor, intersection, goto retry, enum results by out-parameter, privilege fall-back that gives up fork */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum hs { HS_OK, HS_DEGRADED, HS_NOPRIV, HS_NOKERNEL, HS_ERR };
static const char *hs_str(enum hs h)
{
	static const char *const s[] = {
		[HS_OK] = "ok", [HS_DEGRADED] = "degraded", [HS_NOPRIV] = "no privilege",
		[HS_NOKERNEL] = "kernel too old", [HS_ERR] = "error",
	};
	return s[h];
}

struct uf {
	int fd;
	uint64_t enabled;
	int child[16];
	unsigned nchild;
	int quit_r, quit_w;
	pthread_t th;
	long page;
};

static int raw_open(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 && errno == EPERM)
		fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	return fd;
}

static enum hs probe(uint64_t *features)
{
	struct uffdio_api api;
	enum hs h = HS_OK;
	int fd = raw_open();

	if (fd < 0)
		return errno == ENOSYS ? HS_NOKERNEL : errno == EPERM ? HS_NOPRIV : HS_ERR;
	memset(&api, 0, sizeof api);
	api.api = UFFD_API;
	if (ioctl(fd, UFFDIO_API, &api) < 0)
		h = HS_ERR;
	else
		*features = api.features;
	close(fd);
	return h;
}

static enum hs uf_handshake(struct uf *u, uint64_t must, uint64_t nice)
{
	uint64_t have = 0, ask;
	enum hs h = probe(&have);
	struct uffdio_api api;
	int round = 0;

	u->fd = -1;
	if (h != HS_OK)
		return h;
	if ((have & must) != must)
		return HS_NOKERNEL;
	ask = must | (nice & have);
	u->fd = raw_open();
	if (u->fd < 0)
		return HS_ERR;
retry:
	api = (struct uffdio_api){ .api = UFFD_API, .features = ask };
	if (ioctl(u->fd, UFFDIO_API, &api) == 0) {
		u->enabled = ask;
		return round ? HS_DEGRADED : HS_OK;
	}
	switch (errno) {
	case EPERM:
		if (ask & UFFD_FEATURE_EVENT_FORK & ~must) {
			ask &= ~UFFD_FEATURE_EVENT_FORK;
			round++;
			goto retry;
		}
		h = HS_NOPRIV;
		break;
	case EINVAL:
		if (ask != must && round == 0) {
			ask = must;
			round++;
			goto retry;
		}
		/* fall through */
	default:
		h = HS_ERR;
	}
	close(u->fd);
	u->fd = -1;
	return h;
}

static int uf_msg(struct uf *u, int fd)
{
	struct uffd_msg m;
	const ssize_t n = read(fd, &m, sizeof m);

	if (n != (ssize_t)sizeof m)
		return n == -1 && errno == EAGAIN ? 0 : -1;
	if (m.event == UFFD_EVENT_FORK) {
		if (u->nchild < 16)
			u->child[u->nchild++] = m.arg.fork.ufd;
		else
			return close(m.arg.fork.ufd);
	} else if (m.event == UFFD_EVENT_PAGEFAULT) {
		struct uffdio_zeropage z = { .range = { m.arg.pagefault.address & -u->page, u->page } };
		if (ioctl(fd, UFFDIO_ZEROPAGE, &z) && errno != ESRCH)
			ioctl(fd, UFFDIO_WAKE, &z.range);
	}
	return 0;
}

static void *uf_loop(void *v)
{
	struct uf *u = v;

	for (;;) {
		struct pollfd p[18];
		unsigned k = u->nchild;

		for (unsigned i = 0; i < k; i++)
			p[i] = (struct pollfd){ .fd = u->child[i], .events = POLLIN };
		p[k] = (struct pollfd){ .fd = u->fd, .events = POLLIN };
		p[k + 1] = (struct pollfd){ .fd = u->quit_r, .events = POLLIN };
		if (poll(p, k + 2, -1) <= 0)
			continue;
		if (p[k + 1].revents)
			return NULL;
		for (unsigned i = 0; i <= k; i++)
			if (p[i].revents)
				uf_msg(u, p[i].fd);
	}
}

int main(void)
{
	struct uf u = { .page = sysconf(_SC_PAGESIZE) };
	enum hs h = uf_handshake(&u, 0, UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_THREAD_ID);
	int bad = 0, q[2];

	if (h > HS_DEGRADED) {
		fprintf(stderr, "%s\n", hs_str(h));
		return 77;
	}
	if (!(u.enabled & UFFD_FEATURE_EVENT_FORK)) {
		close(u.fd);
		puts("no fork events, nothing to do");
		return 0;
	}
	char *m = mmap(NULL, 8 * u.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register r = { .range = { (uintptr_t)m, 8 * u.page }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (ioctl(u.fd, UFFDIO_REGISTER, &r) || pipe2(q, O_CLOEXEC))
		return 1;
	u.quit_r = q[0];
	u.quit_w = q[1];
	if (pthread_create(&u.th, NULL, uf_loop, &u))
		return 1;
	for (int i = 0; i < 4; i++) {
		int st;
		pid_t c = fork();
		if (c == 0)
			_exit(m[i * u.page]);
		if (c < 0 || waitpid(c, &st, 0) != c || st)
			bad++;
	}
	close(u.quit_w);
	pthread_join(u.th, NULL);
	for (unsigned i = 0; i < u.nchild; i++)
		close(u.child[i]);
	close(u.fd);
	close(u.quit_r);
	printf("%s bad %d children %u\n", hs_str(h), bad, u.nchild);
	return bad || u.nchild != 4;
}
