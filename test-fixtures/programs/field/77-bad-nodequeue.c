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
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * CRIU has to put off what it cannot do at once: messages are queued in the
 * order of their arrival and worked off when the transport is idle.
 */
struct pending {
	struct uffd_msg msg;
	int from;
	STAILQ_ENTRY(pending) l;
};

STAILQ_HEAD(pendq, pending);

struct daemon {
	struct pendq q;
	struct { int fd; int dead; } as[48];
	int nas, stop;
	uintptr_t psz;
	char *img;
};

static int enqueue(struct daemon *d, int fd)
{
	struct pending *p;
	struct uffd_msg m;
	ssize_t n;

	n = read(fd, &m, sizeof m); // expect: unhandled-fork-event
	if (n != sizeof m)
		return n < 0 && errno == EAGAIN ? 0 : -1;
	p = malloc(sizeof *p);
	if (!p) {
		return -1;
	}
	p->msg = m;
	p->from = fd;
	STAILQ_INSERT_TAIL(&d->q, p, l);
	return 1;
}

static void work(struct daemon *d, struct pending *p)
{
	struct uffdio_copy c;

	switch (p->msg.event) {
	case UFFD_EVENT_FORK:
		if (d->nas == 48) {
			close(p->msg.arg.fork.ufd);
			break;
		}
		d->as[d->nas].fd = p->msg.arg.fork.ufd;
		d->as[d->nas++].dead = 0;
		break;
	case UFFD_EVENT_PAGEFAULT:
		c.dst = p->msg.arg.pagefault.address & ~(d->psz - 1);
		c.src = (uintptr_t)d->img;
		c.len = d->psz;
		c.mode = 0;
		while (ioctl(p->from, UFFDIO_COPY, &c) < 0 && errno == EAGAIN)
			;
		break;
	}
}

static void drain(struct daemon *d)
{
	struct pending *p;

	while ((p = STAILQ_FIRST(&d->q)) != NULL) {
		STAILQ_REMOVE_HEAD(&d->q, l);
		work(d, p);
		free(p);
	}
}

static void *daemon_main(void *arg)
{
	struct daemon *d = arg;
	struct pollfd p[49];

	for (;;) {
		int n = d->nas;

		for (int i = 0; i < n; i++)
			p[i] = (struct pollfd){ d->as[i].fd, POLLIN, 0 };
		p[n] = (struct pollfd){ d->stop, POLLIN, 0 };
		if (poll(p, n + 1, -1) < 0)
			continue;
		if (p[n].revents)
			return NULL;
		for (int i = 0; i < n; i++)
			if ((p[i].revents & POLLIN) && enqueue(d, p[i].fd) < 0)
				fputs("enqueue failed\n", stderr);
		drain(d);
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct daemon d = { .nas = 1 };
	int q[2], st;
	pthread_t t;
	char *mem;
	pid_t pid;

	STAILQ_INIT(&d.q);
	d.psz = sysconf(_SC_PAGESIZE);
	d.img = aligned_alloc(d.psz, d.psz);
	mem = mmap(NULL, 4 * d.psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!d.img || mem == MAP_FAILED || pipe(q))
		return 1;
	memset(d.img, 'q', d.psz);
	d.stop = q[0];
	d.as[0].fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (d.as[0].fd < 0)
		return 1;
	if (ioctl(d.as[0].fd, UFFDIO_API, &api) < 0)
		return 1;
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4 * d.psz;
	if (ioctl(d.as[0].fd, UFFDIO_REGISTER, &reg) < 0)
		return 1;
	if (pthread_create(&t, NULL, daemon_main, &d))
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(mem[0] != 'q');
	if (pid < 0 || waitpid(pid, &st, 0) < 0)
		return 1;
	close(q[1]);
	pthread_join(t, NULL);
	printf("st %d\n", st);
	return st;
}
