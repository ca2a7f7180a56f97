// style: descriptors as values that are moved, in compound literals and choices
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

/* std::expected in C: constructors return records, builders pass them on */
typedef struct { int fd; } unique_fd;
typedef struct { unique_fd fd; int err; } expected_fd;

static unique_fd make_unique(int fd) { unique_fd u = { fd }; return u; }
static int get(unique_fd u) { return u.fd; }
static int release(unique_fd *u) { int fd = u->fd; u->fd = -1; return fd; }
static void reset(unique_fd *u) { if (u->fd >= 0) close(u->fd); u->fd = -1; }
static unique_fd move(unique_fd *u) { return make_unique(release(u)); }

static expected_fd unexpected(int e) { expected_fd r = { { -1 }, e }; return r; }
static expected_fd just(unique_fd u) { expected_fd r = { u, 0 }; return r; }

static expected_fd open_raw(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? unexpected(errno) : just(make_unique(fd));
}

static expected_fd handshake(unique_fd u, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	if (ioctl(get(u), UFFDIO_API, &api) < 0) {
		int e = errno;
		reset(&u);
		return unexpected(e);
	}
	return just(move(&u));
}

static expected_fd open_uffd(uint64_t features)
{
	expected_fd r = open_raw();

	return r.err ? r : handshake(move(&r.fd), features);
}

typedef struct { unique_fd slot[16]; unsigned n; } fd_set_t;

static bool put(fd_set_t *s, unique_fd u)
{
	if (s->n == 16) {
		reset(&u);
		return false;
	}
	s->slot[s->n++] = move(&u);
	return true;
}

static fd_set_t set;
static int quit;
static const size_t page = 4096;

static void fault(int fd, const struct uffd_msg *m)
{
	struct uffdio_zeropage z = { .range = { m->arg.pagefault.address & ~(page - 1), page } };

	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
}

static void *serve(void *arg)
{
	for (;;) {
		struct pollfd p[17];
		unsigned n = set.n;

		for (unsigned i = 0; i < n; i++)
			p[i] = (struct pollfd){ get(set.slot[i]), POLLIN, 0 };
		p[n] = (struct pollfd){ quit, POLLIN, 0 };
		if (poll(p, n + 1, -1) < 0)
			continue;
		if (p[n].revents)
			break;
		for (unsigned i = 0; i < n; i++) {
			struct uffd_msg m;

			if (!p[i].revents || read(p[i].fd, &m, sizeof m) != sizeof m)
				continue;
			if (m.event == UFFD_EVENT_FORK)
				put(&set, make_unique(m.arg.fork.ufd));
			else if (m.event == UFFD_EVENT_PAGEFAULT)
				fault(p[i].fd, &m);
		}
	}
	for (unsigned i = 0; i < set.n; i++)
		reset(&set.slot[i]);
	return arg;
}

int main(void)
{
	int p[2];
	char *mem;
	pthread_t t;
	expected_fd r = open_uffd(UFFD_FEATURE_EVENT_FORK);
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	if (r.err) {
		fprintf(stderr, "%s\n", strerror(r.err));
		return 1;
	}
	mem = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || pipe2(p, O_CLOEXEC) < 0)
		return 1;
	quit = p[0];
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4 * page;
	if (ioctl(get(r.fd), UFFDIO_REGISTER, &reg) < 0)
		return 1;
	if (!put(&set, move(&r.fd)) || pthread_create(&t, NULL, serve, NULL))
		return 1;
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			mem[i * page] = 1;
			_exit(0);
		}
		waitpid(pid, NULL, 0);
	}
	mem[3 * page] = 1;
	close(p[1]);
	pthread_join(t, NULL);
	return 0;
}
