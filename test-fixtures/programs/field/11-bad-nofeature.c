#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What the caller of uffd_probe() wants; names as in --help. */
static const struct {
	const char *name;
	unsigned long long bit;
	bool wanted;
} feature_names[] = {
	{ "event-remove", UFFD_FEATURE_EVENT_REMOVE, true },
	{ "event-unmap", UFFD_FEATURE_EVENT_UNMAP, true },
	{ "missing-shmem", UFFD_FEATURE_MISSING_SHMEM, true },
	{ "thread-id", UFFD_FEATURE_THREAD_ID, false },
};

struct tracker {
	int fd;
	int stop_rd, stop_wr;
	char *area;
	size_t len, page;
	int children[32];
	int nchildren;
	unsigned zapped, faults;
};

static unsigned long long wanted_features(void)
{
	unsigned long long mask = 0;
	size_t i;

	for (i = 0; i < sizeof(feature_names) / sizeof(*feature_names); i++)
		if (feature_names[i].wanted)
			mask |= feature_names[i].bit;
	return mask;
}

static void tracker_open(struct tracker *t)
{
	struct uffdio_api api = { UFFD_API, wanted_features(), 0 };
	struct uffdio_register reg = { { 0, 0 }, UFFDIO_REGISTER_MODE_MISSING, 0 };
	int p[2];

	t->page = sysconf(_SC_PAGE_SIZE);
	t->len = 8 * t->page;
	t->area = mmap(NULL, t->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->area == MAP_FAILED)
		err(1, "mmap");
	if ((t->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)) < 0)
		err(1, "userfaultfd");
	if (ioctl(t->fd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	reg.range.start = (unsigned long)t->area;
	reg.range.len = t->len;
	if (ioctl(t->fd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
	if (pipe(p) < 0)
		err(1, "pipe");
	t->stop_rd = p[0];
	t->stop_wr = p[1];
}

static void tracker_event(struct tracker *t, int from, const struct uffd_msg *m)
{
	struct uffdio_zeropage z;

	switch (m->event) {
	case UFFD_EVENT_PAGEFAULT:
		z.range.start = m->arg.pagefault.address & ~(t->page - 1);
		z.range.len = t->page;
		z.mode = 0;
		t->faults++;
		while (ioctl(from, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
			continue;
		break;
	case UFFD_EVENT_FORK: // expect: missing-feature
		if (t->nchildren == 32) {
			warnx("too many children");
			close(m->arg.fork.ufd);
			break;
		}
		t->children[t->nchildren++] = m->arg.fork.ufd;
		break;
	case UFFD_EVENT_REMOVE:
	case UFFD_EVENT_UNMAP:
		t->zapped++;
		break;
	}
}

static void *tracker_thread(void *p)
{
	struct tracker *t = p;
	struct pollfd fds[34];
	struct uffd_msg m;
	int i, n;

	for (;;) {
		fds[0] = (struct pollfd){ .fd = t->stop_rd, .events = POLLIN };
		fds[1] = (struct pollfd){ .fd = t->fd, .events = POLLIN };
		for (i = 0; i < t->nchildren; i++)
			fds[2 + i] = (struct pollfd){ .fd = t->children[i], .events = POLLIN };
		n = 2 + t->nchildren;
		if (poll(fds, n, -1) < 0 && errno != EINTR)
			err(1, "poll");
		if (fds[0].revents)
			break;
		for (i = 1; i < n; i++)
			if (fds[i].revents & POLLIN)
				while (read(fds[i].fd, &m, sizeof m) == sizeof m)
					tracker_event(t, fds[i].fd, &m);
	}
	for (i = 0; i < t->nchildren; i++)
		close(t->children[i]);
	close(t->fd);
	return NULL;
}

int main(void)
{
	struct tracker t = { .fd = -1 };
	pthread_t thr;

	tracker_open(&t);
	if ((errno = pthread_create(&thr, NULL, tracker_thread, &t)))
		err(1, "pthread_create");
	t.area[0] = 1;
	t.area[t.page] = 1;
	madvise(t.area, t.page, MADV_DONTNEED);
	munmap(t.area + 7 * t.page, t.page);
	if (madvise(t.area, 7 * t.page, MADV_DONTFORK) < 0)
		err(1, "madvise");
	pid_t pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	close(t.stop_wr);
	pthread_join(thr, NULL);
	printf("%u faults %u zapped %d children\n", t.faults, t.zapped, t.nchildren);
	return 0;
}
