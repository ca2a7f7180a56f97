// style: connections in a ring, each with room for two messages
/* proxy: each connection object carries its own read buffer and poll index (conn->buf), kept in a doubly linked ring */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

struct conn {
	struct conn *prev, *next;
	int fd;
	short idx;
	size_t got;
	struct uffd_msg buf[2];
};

static struct conn ring = { &ring, &ring, -1, -1, 0, { { 0 } } };
static int nconn, gone[2];
static long psz;

static struct conn *conn_link(int fd)
{
	struct conn *c = malloc(sizeof *c);

	if (c == NULL)
		return NULL;
	memset(c, 0, sizeof *c);
	c->fd = fd;
	c->idx = -1;
	c->prev = ring.prev;
	c->next = &ring;
	c->prev->next = c;
	ring.prev = c;
	nconn++;
	return c;
}

static void conn_unlink(struct conn *c)
{
	c->prev->next = c->next;
	c->next->prev = c->prev;
	nconn--;
	close(c->fd);
	free(c);
}

static bool conn_fill(struct conn *c)
{
	ssize_t n;

	c->got = 0;
	n = read(c->fd, c->buf, sizeof c->buf);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;
	c->got = (size_t)n / sizeof c->buf[0];
	return c->got > 0;
}

static bool conn_drain(struct conn *c)
{
	bool alive = true;

	for (size_t i = 0; i < c->got; i++) {
		const struct uffd_msg *m = c->buf + i;

		switch (m->event) {
		case UFFD_EVENT_FORK:
			if (conn_link((int)m->arg.fork.ufd) == NULL)
				close((int)m->arg.fork.ufd);
			break;
		case UFFD_EVENT_PAGEFAULT: {
			struct uffdio_zeropage z = { .range = { m->arg.pagefault.address & -psz, psz } };
			if (ioctl(c->fd, UFFDIO_ZEROPAGE, &z) < 0) {
				if (errno == ESRCH)
					alive = false;	/* the rest of the batch is looked at nevertheless */
				else
					ioctl(c->fd, UFFDIO_WAKE, &z.range);
			}
			break;
		}
		default:
			fprintf(stderr, "conn %d: %u\n", c->fd, m->event);
			abort();
		}
	}
	return alive;
}

static int proxy(void *rootp)
{
	struct conn *root = rootp, *c, *next;
	struct pollfd pf[100];

	for (;;) {
		short n = 0;

		pf[n++] = (struct pollfd){ .fd = gone[0], .events = POLLIN };
		for (c = ring.next; c != &ring; c = c->next) {
			c->idx = -1;
			if (n < 100) {
				c->idx = n;
				pf[n++] = (struct pollfd){ .fd = c->fd, .events = POLLIN };
			}
		}
		if (poll(pf, n, -1) < 0)
			continue;
		if (pf[0].revents)
			break;
		for (c = ring.next; c != &ring; c = next) {
			next = c->next;
			if (c->idx < 0 || !pf[c->idx].revents)
				continue;
			c->idx = -1;
			if (!(conn_fill(c) && conn_drain(c)) && c != root) {
				next = c->next;
				conn_unlink(c);
			}
		}
	}
	while (ring.next != &ring)
		conn_unlink(ring.next);
	return 0;
}

int main(void)
{
	thrd_t t;
	int u, bad = 0;
	struct conn *root;

	psz = sysconf(_SC_PAGESIZE);
	u = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (u < 0)
		return 1;
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	if (ioctl(u, UFFDIO_API, &api) < 0)
		return 1;
	char *m = mmap(NULL, 16 * psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register r = { .range = { (uintptr_t)m, 16 * psz }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (ioctl(u, UFFDIO_REGISTER, &r) < 0 || pipe2(gone, O_CLOEXEC) || !(root = conn_link(u)))
		return 1;
	if (thrd_create(&t, proxy, root) != thrd_success)
		return 1;
	for (int i = 0; i < 7; i++) {
		int st;
		pid_t c = fork();
		if (c == 0)
			_exit(m[i * psz]);
		if (c < 0 || waitpid(c, &st, 0) != c || st)
			bad++;
	}
	close(gone[1]);
	thrd_join(t, NULL);
	close(gone[0]);
	printf("bad %d conns %d\n", bad, nconn);
	return bad || nconn;
}
