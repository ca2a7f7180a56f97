#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
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

/* profiler: a histogram of first touches; children are not of interest */

enum { NMSG = 32 };

struct config {
	bool follow_forks;
	bool quiet;
	size_t pages;
};

struct prof {
	struct config cfg;
	int fd;
	uint8_t *area;
	size_t psz;
	uint32_t *hist;
	struct uffd_msg *ring;
	pthread_t thr;
	int *followed;
	size_t nfollowed, cap;
};

static bool prof_follow(struct prof *p, int fd)
{
	if (p->nfollowed == p->cap) {
		size_t cap = p->cap ? 2 * p->cap : 4;
		int *grown = realloc(p->followed, cap * sizeof(*grown));

		if (!grown)
			return false;
		p->followed = grown;
		p->cap = cap;
	}
	p->followed[p->nfollowed++] = fd;
	return true;
}

static void prof_touch(struct prof *p, uint64_t addr)
{
	size_t page = (addr - (uintptr_t)p->area) / p->psz;
	struct uffdio_zeropage z = {
		.range = { .start = (uintptr_t)p->area + page * p->psz, .len = p->psz },
	};

	p->hist[page]++;
	while (ioctl(p->fd, UFFDIO_ZEROPAGE, &z) && errno == EAGAIN)
		;
}

static void *prof_thread(void *opaque)
{
	struct prof *p = opaque;
	const struct uffd_msg *m, *end;
	ssize_t len;

	for (;;) {
		len = read(p->fd, p->ring, NMSG * sizeof(*p->ring));
		if (len < 0) {
			if (errno == EINTR)
				continue;
			break;
		}
		end = p->ring + len / sizeof(*p->ring);
		for (m = p->ring; m < end; m++) {
			if (m->event == UFFD_EVENT_PAGEFAULT) {
				prof_touch(p, m->arg.pagefault.address);
				continue;
			}
			if (m->event != UFFD_EVENT_FORK) // expect: leaked-child-uffd
				continue;
			if (p->cfg.follow_forks && !prof_follow(p, m->arg.fork.ufd))
				close(m->arg.fork.ufd);
		}
	}
	return NULL;
}

static int prof_init(struct prof *p, const struct config *cfg)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg;

	memset(p, 0, sizeof(*p));
	p->cfg = *cfg;
	p->psz = sysconf(_SC_PAGESIZE);
	p->hist = calloc(cfg->pages, sizeof(*p->hist));
	p->ring = calloc(NMSG, sizeof(*p->ring));
	p->area = mmap(NULL, cfg->pages * p->psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!p->hist || !p->ring || p->area == MAP_FAILED)
		return -1;
	p->fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (p->fd == -1)
		return -1;
	if (ioctl(p->fd, UFFDIO_API, &api))
		return -1;
	reg.range.start = (uintptr_t)p->area;
	reg.range.len = cfg->pages * p->psz;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(p->fd, UFFDIO_REGISTER, &reg))
		return -1;
	return pthread_create(&p->thr, NULL, prof_thread, p) ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct config cfg = { .pages = 16, .follow_forks = argc > 1 && !strcmp(argv[1], "-f") };
	struct prof *p = malloc(sizeof(*p));
	int i;

	if (!p || prof_init(p, &cfg)) {
		perror("prof");
		return 1;
	}
	for (i = 0; i < 16; i += 2)
		p->area[i * p->psz] = 1;
	for (i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(p->area[0] != 1);
		if (pid == -1 || waitpid(pid, NULL, 0) == -1)
			return 1;
	}
	if (!cfg.quiet)
		for (i = 0; i < 16; i++)
			printf("%" PRIu32 "%c", p->hist[i], i == 15 ? '\n' : ' ');
	return 0;
}
