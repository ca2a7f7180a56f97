#include "uffd.h"
#include "space.h"

int table_attach(struct table *t, int fd)
{
	struct space *sp;

	if (t->count == MAX_SPACES)
		goto reject;
	sp = &t->spaces[t->count++];
	sp->fd = fd;
	sp->faults = 0;
	sp->alive = 1;
	return 0;
reject:
	close(fd);
	return -1;
}

static void serve_one(struct table *t, struct space *sp)
{
	struct uffd_msg msg;

	switch (uffd_next(sp->fd, &msg)) {
	case 0:
		return;
	case -1:
		sp->alive = 0;
		return;
	}
	if (msg.event == UFFD_EVENT_PAGEFAULT) {
		sp->faults++;
		if (uffd_zero(sp->fd, msg.arg.pagefault.address, t->psz) == -1 && errno == ESRCH)
			sp->alive = 0;
	} else if (msg.event == UFFD_EVENT_FORK) {
		table_attach(t, (int)msg.arg.fork.ufd);
	}
}

void *table_serve(void *arg)
{
	struct table *t = arg;
	struct pollfd fds[MAX_SPACES];
	unsigned i, n;

	while (!t->quit) {
		n = t->count;
		for (i = 0; i < n; i++) {
			fds[i].fd = t->spaces[i].alive ? t->spaces[i].fd : -1;
			fds[i].events = POLLIN;
		}
		if (poll(fds, n, 50) <= 0)
			continue;
		for (i = 0; i < n; i++)
			if (fds[i].revents)
				serve_one(t, &t->spaces[i]);
	}
	for (i = 0; i < t->count; i++)
		close(t->spaces[i].fd);
	return NULL;
}
