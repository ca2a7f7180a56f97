// style: records begin with a common one and are cast to it and back; the end of one forgets its descriptor
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct watcher {
	int fd;
	void (*ready)(struct watcher *);
	void (*end)(struct watcher *);
};

struct child {
	struct watcher base;
	int uffd;
};

struct pager {
	struct watcher base;
	int uffd;
};

static void child_end(struct watcher *w)
{
	struct child *c = (struct child *)(void *)w;

	free(c);
}

static struct watcher *child_new(int uffd)
{
	struct child *c = calloc(1, sizeof(*c));

	if (!c) {
		close(uffd);
		return NULL;
	}
	c->base.end = child_end;
	c->uffd = uffd;
	return (struct watcher *)c;
}

static void pager_ready(struct watcher *w)
{
	struct pager *p = (struct pager *)w;
	struct watcher *child;
	struct uffd_msg m;

	if (read(p->uffd, &m, sizeof(m)) != sizeof(m))
		return;
	switch (m.event) {
	case UFFD_EVENT_FORK: // expect: leaked-child-uffd
		child = child_new(m.arg.fork.ufd);
		if (child)
			child->end(child);
		break;
	case UFFD_EVENT_REMOVE:
		write(1, "removed\n", 8);
		break;
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE };
	struct pager pager = { .base = { .ready = pager_ready } };
	struct watcher *watcher = &pager.base;

	pager.uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (pager.uffd < 0 || ioctl(pager.uffd, UFFDIO_API, &api) < 0)
		return 1;
	for (;;)
		watcher->ready(watcher);
}
