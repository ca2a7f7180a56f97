// style: a function chooses the handler by the event
/* policy: children only exec, so each child uffd is closed when it comes; the reader is a tiny function pointer pipeline */
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

struct source;
struct source_ops {
	ssize_t (*pull)(struct source *, void *, size_t);
	void (*shut)(struct source *);
};
struct source {
	const struct source_ops *ops;
	int fd;
};

static ssize_t fd_pull(struct source *s, void *b, size_t n)
{
	ssize_t r;

	do
		r = read(s->fd, b, n);
	while (r < 0 && errno == EINTR);
	return r;
}

static void fd_shut(struct source *s)
{
	close(s->fd);
	s->fd = -1;
}

static const struct source_ops fd_ops = { fd_pull, fd_shut };

struct swap {
	struct source src;
	char *at, *store;
	size_t len, ps;
	int ctl[2];
	pthread_t th;
	unsigned long ins, forks;
};

typedef void (*sink)(struct swap *, const struct uffd_msg *);

static void sink_fault(struct swap *s, const struct uffd_msg *m)
{
	uint64_t off = (m->arg.pagefault.address & ~(s->ps - 1)) - (uintptr_t)s->at;
	struct uffdio_copy c = { (uintptr_t)s->at + off, (uintptr_t)s->store + off, s->ps, 0, 0 };

	s->ins++;
	if (ioctl(s->src.fd, UFFDIO_COPY, &c) < 0) {
		struct uffdio_range w = { c.dst, c.len };
		ioctl(s->src.fd, UFFDIO_WAKE, &w);
	}
}

static void sink_fork(struct swap *s, const struct uffd_msg *m)
{
	s->forks++;
	if (close(m->arg.fork.ufd) < 0)
		perror("close");
}

static void sink_bad(struct swap *s, const struct uffd_msg *m)
{
	(void)s;
	fprintf(stderr, "bad event %hhu\n", m->event);
	abort();
}

static sink sink_for(unsigned ev)
{
	return ev == UFFD_EVENT_PAGEFAULT ? sink_fault : ev == UFFD_EVENT_FORK ? sink_fork : sink_bad;
}

static void *swap_main(void *v)
{
	struct swap *s = v;
	struct pollfd p[2] = { { .fd = s->src.fd, .events = POLLIN }, { .fd = s->ctl[0], .events = POLLIN } };

	while (poll(p, 2, -1) > 0 && !p[1].revents) {
		union {
			struct uffd_msg m[4];
			unsigned char raw[4 * sizeof(struct uffd_msg)];
		} u;
		ssize_t n = s->src.ops->pull(&s->src, u.raw, sizeof u.raw);

		for (size_t i = 0; n > 0 && i < (size_t)n / sizeof u.m[0]; i++)
			sink_for(u.m[i].event)(s, &u.m[i]);
	}
	return NULL;
}

static struct swap *swap_on(size_t pages)
{
	struct swap *s = calloc(1, sizeof *s);
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg;

	if (!s)
		return NULL;
	s->ps = sysconf(_SC_PAGESIZE);
	s->len = pages * s->ps;
	s->at = mmap(0, s->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s->store = malloc(s->len);
	s->src = (struct source){ &fd_ops, (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK) };
	if (!s->store || s->at == MAP_FAILED || s->src.fd < 0)
		goto bad;
	memset(s->store, 'w', s->len);
	if (ioctl(s->src.fd, UFFDIO_API, &api))
		goto bad;
	reg = (struct uffdio_register){ { (uintptr_t)s->at, s->len }, UFFDIO_REGISTER_MODE_MISSING, 0 };
	if (ioctl(s->src.fd, UFFDIO_REGISTER, &reg) || pipe2(s->ctl, O_CLOEXEC))
		goto bad;
	if (!pthread_create(&s->th, NULL, swap_main, s))
		return s;
	close(s->ctl[0]);
	close(s->ctl[1]);
bad:
	if (s->src.fd >= 0)
		s->src.ops->shut(&s->src);
	if (s->at != MAP_FAILED)
		munmap(s->at, s->len);
	free(s->store);
	free(s);
	return NULL;
}

static void swap_off(struct swap *s)
{
	close(s->ctl[1]);
	pthread_join(s->th, NULL);
	close(s->ctl[0]);
	s->src.ops->shut(&s->src);
	munmap(s->at, s->len);
	free(s->store);
	free(s);
}

int main(void)
{
	struct swap *s = swap_on(10);
	int bad = 0;

	if (!s)
		return 1;
	for (int i = 0; i < 5; i++) {
		pid_t c = fork();
		int st;

		if (c == 0) {
			execl("/bin/true", "true", (char *)NULL);
			_exit(127);
		}
		bad += c < 0 || waitpid(c, &st, 0) != c || st;
		bad += s->at[i * s->ps] != 'w';
	}
	printf("forks %lu ins %lu bad %d\n", s->forks, s->ins, bad);
	bad += s->forks != 5;
	swap_off(s);
	return bad;
}
