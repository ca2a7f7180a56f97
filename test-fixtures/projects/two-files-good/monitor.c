#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>
#include "pager.h"

static void on_fault(struct pager *p, const struct uffd_msg *msg)
{
	(void)p;
	(void)msg;
}

static void on_fork(struct pager *p, const struct uffd_msg *msg)
{
	if (p->child >= 0)
		close(p->child);
	p->child = msg->arg.fork.ufd;
}

typedef void (*handler)(struct pager *, const struct uffd_msg *);

static const handler handlers[] = {
	[UFFD_EVENT_PAGEFAULT - UFFD_EVENT_PAGEFAULT] = on_fault,
	[UFFD_EVENT_FORK - UFFD_EVENT_PAGEFAULT] = on_fork,
};

void *pager_serve(void *arg)
{
	struct pager *p = arg;
	struct pollfd fds[] = {
		{ .fd = p->uffd, .events = POLLIN },
		{ .fd = p->stop[0], .events = POLLIN },
	};
	struct uffd_msg msg;

	while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
		if (read(fds[0].fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event >= UFFD_EVENT_PAGEFAULT && msg.event <= UFFD_EVENT_FORK)
			handlers[msg.event - UFFD_EVENT_PAGEFAULT](p, &msg);
	}
	if (p->child >= 0)
		close(p->child);
	return NULL;
}
