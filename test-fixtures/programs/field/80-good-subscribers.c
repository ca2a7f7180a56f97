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

/* subscribers: a bitmask of events each, called in order */
#define EV(e) (1u << ((e) & 0x1f))

struct bus;
struct subscriber {
	unsigned mask;
	void (*fn)(struct bus *, int fd, const struct uffd_msg *);
};

struct bus {
	const struct subscriber *subs;
	unsigned nsubs;
	int fds[32], nfds, end;
	size_t page;
	char *src;
	unsigned long seen;
};

static void count(struct bus *b, int fd, const struct uffd_msg *m)
{
	b->seen++;
}

static void page_in(struct bus *b, int fd, const struct uffd_msg *m)
{
	struct uffdio_copy c = { .dst = m->arg.pagefault.address & ~(b->page - 1), .src = (uintptr_t)b->src, .len = b->page };

	while (ioctl(fd, UFFDIO_COPY, &c) == -1 && errno == EAGAIN)
		;
}

static void child(struct bus *b, int fd, const struct uffd_msg *m)
{
	if (b->nfds < 32)
		b->fds[b->nfds++] = m->arg.fork.ufd;
	else
		close(m->arg.fork.ufd);
}

static const struct subscriber subs[] = {
	{ EV(UFFD_EVENT_PAGEFAULT) | EV(UFFD_EVENT_FORK), count },
	{ EV(UFFD_EVENT_PAGEFAULT), page_in },
	{ EV(UFFD_EVENT_FORK), child },
};

static void publish(struct bus *b, int fd)
{
	struct uffd_msg m;

	if (read(fd, &m, sizeof m) != sizeof m)
		return;
	for (unsigned i = 0; i < b->nsubs; i++)
		if (b->subs[i].mask & EV(m.event))
			b->subs[i].fn(b, fd, &m);
}

static void *bus_main(void *arg)
{
	struct bus *b = arg;

	for (;;) {
		struct pollfd p[33];
		int n = b->nfds;

		for (int i = 0; i < n; i++)
			p[i] = (struct pollfd){ b->fds[i], POLLIN, 0 };
		p[n] = (struct pollfd){ b->end, POLLIN, 0 };
		if (poll(p, n + 1, -1) < 0)
			continue;
		if (p[n].revents)
			return NULL;
		for (int i = 0; i < n; i++)
			if (p[i].revents & POLLIN)
				publish(b, p[i].fd);
	}
}

int main(void)
{
	struct bus b = { .subs = subs, .nsubs = sizeof subs / sizeof *subs };
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int q[2], st;
	pthread_t t;
	char *mem;
	pid_t pid;

	b.page = sysconf(_SC_PAGESIZE);
	b.src = aligned_alloc(b.page, b.page);
	mem = mmap(NULL, 4 * b.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!b.src || mem == MAP_FAILED || pipe(q))
		return 1;
	memset(b.src, 'B', b.page);
	b.end = q[0];
	b.fds[b.nfds++] = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (b.fds[0] < 0)
		return 1;
	if (ioctl(b.fds[0], UFFDIO_API, &api) == -1)
		return 1;
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4 * b.page;
	if (ioctl(b.fds[0], UFFDIO_REGISTER, &reg) == -1)
		return 1;
	if (pthread_create(&t, NULL, bus_main, &b))
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(mem[0] != 'B');
	if (pid < 0 || waitpid(pid, &st, 0) < 0)
		return 1;
	close(q[1]);
	pthread_join(t, NULL);
	printf("seen %lu st %d\n", b.seen, st);
	return st;
}
