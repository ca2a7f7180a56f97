#include <errno.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include "uffd.h"

static void fill(const struct watch *w, int uffd, uint64_t address)
{
	struct uffdio_zeropage z = {
		.range = { .start = address & ~(w->page - 1), .len = w->page },
	};

	while (ioctl(uffd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
}

static void handle(struct watch *w, int uffd)
{
	struct uffd_msg msg;

	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		return;
	switch (msg.event) {
	case UFFD_EVENT_FORK:
		if (w->nr_children == WATCH_CHILDREN) {
			dprintf(STDERR_FILENO, "too many children\n");
			return; // expect: leaked-child-uffd
		}
		w->children[w->nr_children++] = msg.arg.fork.ufd;
		break;
	case UFFD_EVENT_PAGEFAULT:
		fill(w, uffd, msg.arg.pagefault.address);
		break;
	}
}

static void *monitor(void *arg)
{
	struct watch *w = arg;
	struct pollfd fds[2 + WATCH_CHILDREN];

	for (;;) {
		unsigned int n = 2;

		fds[0] = (struct pollfd){ .fd = w->stop[0], .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = w->uffd, .events = POLLIN };
		for (unsigned int i = 0; i < w->nr_children; i++)
			fds[n++] = (struct pollfd){ .fd = w->children[i], .events = POLLIN };
		if (poll(fds, n, -1) < 0 || fds[0].revents)
			return NULL;
		for (unsigned int i = 1; i < n; i++)
			if (fds[i].revents & POLLIN)
				handle(w, fds[i].fd);
	}
}

int watch_start(struct watch *w)
{
	return pthread_create(&w->thread, NULL, monitor, w);
}

void watch_stop(struct watch *w)
{
	close(w->stop[1]);
	pthread_join(w->thread, NULL);
	for (unsigned int i = 0; i < w->nr_children; i++)
		close(w->children[i]);
	close(w->stop[0]);
	close(w->uffd);
}
