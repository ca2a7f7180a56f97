#define _GNU_SOURCE
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "remote.h"

#define RM_CLIENTS 16

struct mapping {
	int fd;
	struct rm_hello hello;
	unsigned long served;
};

struct server {
	struct mapping map[RM_CLIENTS];
	struct pollfd pfd[RM_CLIENTS + 1];
	unsigned n;
	uint8_t *page;
};

static int accept_mapping(struct server *s)
{
	struct rm_hello hello;
	int fd = rm_recv(s->pfd[0].fd, &hello);

	if (fd < 0)
		return fd;
	if (s->n == RM_CLIENTS) {
		close(fd);
		return -ENOSPC;
	}
	s->map[s->n] = (struct mapping){ .fd = fd, .hello = hello };
	s->n++;
	s->pfd[s->n].fd = fd;
	s->pfd[s->n].events = POLLIN;
	s->pfd[s->n].revents = 0;
	return 0;
}

static int answer(struct server *s, struct mapping *m, const struct uffd_msg *msg)
{
	uint64_t page = msg->arg.pagefault.address & ~(uint64_t)(RM_PAGE - 1);
	struct uffdio_copy c = { .dst = page, .src = (uintptr_t)s->page, .len = RM_PAGE };
	struct uffdio_range r = { .start = page, .len = RM_PAGE };

	memset(s->page, 'r', RM_PAGE);
	if (ioctl(m->fd, UFFDIO_COPY, &c) == 0) {
		m->served++;
		return 0;
	}
	if (errno == EAGAIN || errno == EEXIST) {
		ioctl(m->fd, UFFDIO_WAKE, &r);
		return 0;
	}
	return errno == ESRCH ? 0 : -errno;
}

/*
 * Page faults are ours.  FORK messages are left to the client: it polls the
 * same descriptor only for its own forks, so here they are taken too and
 * registered right away.
 */
static int serve_mapping(struct server *s, struct mapping *m)
{
	struct uffd_msg msg;
	ssize_t n = read(m->fd, &msg, sizeof(msg));

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n != sizeof(msg))
		return -EIO;
	if (msg.event == UFFD_EVENT_PAGEFAULT)
		return answer(s, m, &msg);
	if (msg.event == UFFD_EVENT_FORK) {
		/* grandchildren are not supported: they see zero pages */
		close(msg.arg.fork.ufd);
		return 0;
	}
	return -EBADMSG;
}

int rm_server(int sock)
{
	struct server s = { .n = 0 };
	int rc = 0;

	s.page = aligned_alloc(RM_PAGE, RM_PAGE);
	if (!s.page)
		return -ENOMEM;
	s.pfd[0].fd = sock;
	s.pfd[0].events = POLLIN;
	while (rc == 0) {
		if (poll(s.pfd, s.n + 1, -1) < 0) {
			if (errno != EINTR)
				return -errno;
			continue;
		}
		for (unsigned i = 0; i < s.n && rc == 0; i++)
			if (s.pfd[i + 1].revents & POLLIN)
				rc = serve_mapping(&s, &s.map[i]);
		if (rc == 0 && s.pfd[0].revents)
			rc = accept_mapping(&s);
	}
	for (unsigned i = 0; i < s.n; i++) {
		fprintf(stderr, "server: mapping %u%s served %lu\n",
			s.map[i].hello.serial,
			s.map[i].hello.is_child ? " (child)" : "",
			s.map[i].served);
		close(s.map[i].fd);
	}
	return rc == -ENOTCONN ? 0 : rc;
}
