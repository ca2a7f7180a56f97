#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* libmemwatch - the public part ------------------------------------- */

typedef enum {
	MW_NONE,
	MW_TOUCH,
	MW_FORKED,
	MW_GONE,
	MW_ERROR,
} mw_kind;

typedef struct {
	int fd;
	uintptr_t base;
	size_t len;
} mw_handle;

/* Waits for the next thing that happens; *where or *child_fd are set according to the kind. */
mw_kind mw_next(const mw_handle *h, uintptr_t *where, int *child_fd);
int mw_open(mw_handle *h, void *base, size_t len);
int mw_zero(int fd, uintptr_t where);

/* ... and how it is done ---------------------------------------------- */

static size_t mw_page(void)
{
	static size_t cached;

	if (!cached)
		cached = sysconf(_SC_PAGESIZE);
	return cached;
}

int mw_open(mw_handle *h, void *base, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int err;

	h->base = (uintptr_t)base;
	h->len = len;
	h->fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (h->fd < 0)
		return -1;
	api.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_UNMAP;
	if (ioctl(h->fd, UFFDIO_API, &api) < 0)
		goto fail;
	reg.range.start = h->base;
	reg.range.len = h->len;
	if (ioctl(h->fd, UFFDIO_REGISTER, &reg) < 0)
		goto fail;
	return 0;
fail:
	err = errno;
	close(h->fd);
	h->fd = -1;
	errno = err;
	return -1;
}

mw_kind mw_next(const mw_handle *h, uintptr_t *where, int *child_fd)
{
	struct uffd_msg m;
	ssize_t n;

	n = read(h->fd, &m, sizeof(m));
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? MW_NONE : MW_ERROR;
	if ((size_t)n < sizeof(m))
		return MW_ERROR;
	switch (m.event) {
	case UFFD_EVENT_PAGEFAULT:
		*where = m.arg.pagefault.address & ~(mw_page() - 1);
		return MW_TOUCH;
	case UFFD_EVENT_FORK:
		*child_fd = m.arg.fork.ufd;
		return MW_FORKED;
	case UFFD_EVENT_UNMAP:
		*where = m.arg.remove.start;
		return MW_GONE;
	default:
		return MW_NONE;
	}
}

int mw_zero(int fd, uintptr_t where)
{
	struct uffdio_zeropage z = { .range = { where, mw_page() } };
	int rc;

	do
		rc = ioctl(fd, UFFDIO_ZEROPAGE, &z);
	while (rc < 0 && errno == EAGAIN);
	return rc;
}

/* the application ------------------------------------------------------ */

static struct {
	unsigned touched, forked;
	bool verbose;
} stats;

static void *watch(void *arg)
{
	mw_handle *h = arg;
	uintptr_t where = 0;
	int child = -1;

	for (;;) {
		switch (mw_next(h, &where, &child)) {
		case MW_NONE:
			break;
		case MW_TOUCH:
			stats.touched++;
			mw_zero(h->fd, where);
			break;
		case MW_FORKED:
			stats.forked++;
			if (stats.verbose)
				fprintf(stderr, "child on %d\n", child);
			close(child);
			child = -1;
			break;
		case MW_GONE:
		case MW_ERROR:
			return NULL;
		}
	}
}

int main(int argc, char **argv)
{
	mw_handle h;
	pthread_t t;
	size_t len = 4 * mw_page();
	char *p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int i;

	(void)argv;
	stats.verbose = argc > 1;
	if (p == MAP_FAILED || mw_open(&h, p, len) < 0 || pthread_create(&t, NULL, watch, &h) != 0) {
		perror("memwatch");
		return 1;
	}
	*p = 1;
	for (i = 0; i < 5; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(*p - 1);
		if (pid < 0 || waitpid(pid, NULL, 0) < 0)
			return 1;
	}
	munmap(p, len);
	pthread_join(t, NULL);
	printf("%u touched %u forked\n", stats.touched, stats.forked);
	return 0;
}
