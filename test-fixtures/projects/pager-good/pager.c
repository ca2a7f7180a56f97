#define _GNU_SOURCE
#include "pager.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int dispatch(struct pager *p, int fd, const struct uffd_msg *msg)
{
	switch (msg->event) {
	case UFFD_EVENT_PAGEFAULT:
		return p->ops->load(p, fd, msg->arg.pagefault.address & ~(uint64_t)(p->page - 1));
	case UFFD_EVENT_FORK:
		p->ops->forked(p, msg->arg.fork.ufd);
		return 0;
	case UFFD_EVENT_REMOVE:
	case UFFD_EVENT_UNMAP:
		p->ops->removed(p, msg->arg.remove.start, msg->arg.remove.end);
		return 0;
	default:
		return 0;
	}
}

static int drain(struct pager *p, int fd)
{
	struct uffd_msg msg;
	ssize_t n;

	for (;;) {
		n = read(fd, &msg, sizeof(msg));
		if (n == -1)
			return errno == EAGAIN || errno == EINTR ? 0 : -1;
		if (n != sizeof(msg))
			return -1;
		if (dispatch(p, fd, &msg) < 0)
			return -1;
	}
}

static void *pager_thread(void *arg)
{
	struct pager *p = arg;
	struct pollfd fds[2 + 16];
	int i, n;

	for (;;) {
		fds[0].fd = p->wake[0];
		fds[1].fd = p->fd;
		for (i = 0; i < p->nkids; i++)
			fds[2 + i].fd = p->kids[i];
		n = 2 + p->nkids;
		for (i = 0; i < n; i++)
			fds[i].events = POLLIN;
		if (poll(fds, n, -1) == -1 && errno != EINTR) {
			perror("pager: poll");
			return NULL;
		}
		if (fds[0].revents)
			return NULL;
		for (i = 1; i < n; i++) {
			if (fds[i].revents & POLLIN && drain(p, fds[i].fd) == -1) {
				fprintf(stderr, "pager: descriptor %d: %s\n", fds[i].fd, strerror(errno));
				return NULL;
			}
		}
	}
}

int pager_open(struct pager *p, const struct pager_ops *ops, size_t npages)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP,
	};
	struct uffdio_register reg;

	memset(p, 0, sizeof(*p));
	p->ops = ops;
	p->page = sysconf(_SC_PAGESIZE);
	p->len = npages * p->page;
	if (pipe2(p->wake, O_CLOEXEC) == -1)
		return -1;
	p->base = mmap(NULL, p->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->base == MAP_FAILED)
		goto no_map;
	p->fd = syscall(SYS_userfaultfd, O_NONBLOCK | O_CLOEXEC);
	if (p->fd == -1)
		goto no_fd;
	if (ioctl(p->fd, UFFDIO_API, &api) == -1)
		goto no_api;
	reg.range.start = (uintptr_t)p->base;
	reg.range.len = p->len;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(p->fd, UFFDIO_REGISTER, &reg) == -1)
		goto no_api;
	return 0;

no_api:
	close(p->fd);
no_fd:
	munmap(p->base, p->len);
no_map:
	close(p->wake[0]);
	close(p->wake[1]);
	return -1;
}

int pager_run(struct pager *p)
{
	return pthread_create(&p->thread, NULL, pager_thread, p) ? -1 : 0;
}

void pager_stop(struct pager *p)
{
	close(p->wake[1]);
	pthread_join(p->thread, NULL);
	while (p->nkids > 0)
		close(p->kids[--p->nkids]);
	close(p->fd);
	close(p->wake[0]);
	munmap(p->base, p->len);
}
