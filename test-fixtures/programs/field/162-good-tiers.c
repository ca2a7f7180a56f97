// style: two tiers of memory, each with a userfaultfd of its own, made in a loop
/*
 * farmem: memory tiers backed by a (fake) remote node.  Every tier has its own
 * userfaultfd so that the pager can prioritise.  Workers are forked and share
 * nothing but the lazily filled image of the data.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL
#define TIER_PAGES 24
#define POLL_SLOTS 12

enum tier_id { TIER_HOT, TIER_COLD, NR_TIERS };

struct tier {
	enum tier_id id;
	int uffd;
	char *base;
	size_t len;
	char fill;
};

struct pager {
	struct pollfd fds[POLL_SLOTS];
	char fill[POLL_SLOTS];
	int nfds;
	int wake[2];
	pthread_t thread;
	char *scratch;
};

static void tier_close(struct tier *t)
{
	if (t->uffd >= 0)
		close(t->uffd);
	t->uffd = -1;
	if (t->base)
		munmap(t->base, t->len);
	t->base = NULL;
}

static int tier_open(struct tier *t, enum tier_id id)
{
	struct uffdio_api api = { .api = UFFD_API,
				  .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int rc;

	t->id = id;
	t->fill = id == TIER_HOT ? 'h' : 'c';
	t->len = TIER_PAGES * PAGE;
	t->base = mmap(NULL, t->len, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (t->base == MAP_FAILED) {
		t->base = NULL;
		return -errno;
	}
	t->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (t->uffd < 0) {
		rc = -errno;
		goto undo;
	}
	if (ioctl(t->uffd, UFFDIO_API, &api) == -1) {
		rc = -errno;
		goto undo;
	}
	reg.range.start = (unsigned long)t->base;
	reg.range.len = t->len;
	if (ioctl(t->uffd, UFFDIO_REGISTER, &reg) == -1) {
		rc = -errno;
		goto undo;
	}
	return 0;
undo:
	tier_close(t);
	return rc;
}

/* Fetch everything at once: one round trip is cheaper for the cold tier. */
static int tier_prefetch(struct tier *t, char *scratch, size_t upto)
{
	for (size_t off = 0; off < upto; off += PAGE) {
		struct uffdio_copy c = {
			.dst = (unsigned long)t->base + off,
			.src = (unsigned long)scratch,
			.len = PAGE,
		};

		memset(scratch, t->fill, PAGE);
		if (ioctl(t->uffd, UFFDIO_COPY, &c) == -1 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int pager_add(struct pager *p, int fd, char fill)
{
	if (p->nfds == POLL_SLOTS)
		return -ENOSPC;
	p->fds[p->nfds].fd = fd;
	p->fds[p->nfds].events = POLLIN;
	p->fill[p->nfds] = fill;
	p->nfds++;
	return 0;
}

static void pager_fault(struct pager *p, int slot, unsigned long addr)
{
	struct uffdio_copy c = { .src = (unsigned long)p->scratch, .len = PAGE };
	struct uffdio_range r = { .len = PAGE };

	c.dst = addr & ~(PAGE - 1);
	r.start = c.dst;
	memset(p->scratch, p->fill[slot], PAGE);
	if (ioctl(p->fds[slot].fd, UFFDIO_COPY, &c) == -1 &&
	    (errno == EAGAIN || errno == EEXIST))
		ioctl(p->fds[slot].fd, UFFDIO_WAKE, &r);
}

static void pager_slot(struct pager *p, int slot)
{
	struct uffd_msg msg;

	while (read(p->fds[slot].fd, &msg, sizeof(msg)) == sizeof(msg)) {
		switch (msg.event) {
		case UFFD_EVENT_PAGEFAULT:
			pager_fault(p, slot, msg.arg.pagefault.address);
			break;
		case UFFD_EVENT_FORK:
			if (pager_add(p, msg.arg.fork.ufd, p->fill[slot]) < 0)
				close(msg.arg.fork.ufd);
			break;
		}
	}
}

static void *pager_thread(void *arg)
{
	struct pager *p = arg;

	for (;;) {
		if (poll(p->fds, p->nfds, -1) == -1) {
			if (errno == EINTR)
				continue;
			return NULL;
		}
		if (p->fds[0].revents)
			return NULL;
		for (int i = 1, n = p->nfds; i < n; i++)
			if (p->fds[i].revents & POLLIN)
				pager_slot(p, i);
	}
}

static int pager_start(struct pager *p, struct tier *tiers)
{
	int rc;

	if (pipe2(p->wake, O_CLOEXEC) == -1)
		return -errno;
	p->scratch = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->scratch == MAP_FAILED)
		return -errno;
	pager_add(p, p->wake[0], 0);
	rc = tier_prefetch(&tiers[TIER_COLD], p->scratch, TIER_PAGES * PAGE);
	if (rc)
		return rc;
	pager_add(p, tiers[TIER_HOT].uffd, tiers[TIER_HOT].fill);
	pager_add(p, tiers[TIER_COLD].uffd, tiers[TIER_COLD].fill);
	return -pthread_create(&p->thread, NULL, pager_thread, p);
}

static void pager_stop(struct pager *p)
{
	if (write(p->wake[1], "", 1) == 1)
		pthread_join(p->thread, NULL);
}

static int tier_sum(const struct tier *t)
{
	int miss = 0;

	for (size_t off = 0; off < t->len; off += PAGE)
		miss += t->base[off] != t->fill;
	return miss;
}

static int run_worker(struct tier *tiers, int nr)
{
	pid_t pid = fork();

	if (pid == -1)
		return -errno;
	if (pid == 0) {
		int miss = 0;

		for (int i = 0; i < NR_TIERS; i++)
			miss += tier_sum(&tiers[i]);
		_exit(miss ? 1 : 0);
	}
	int st;
	if (waitpid(pid, &st, 0) == -1)
		return -errno;
	printf("worker %d: status %d\n", nr, WEXITSTATUS(st));
	return st ? -EIO : 0;
}

int main(void)
{
	static struct pager pager;
	struct tier tiers[NR_TIERS] = { { .uffd = -1 }, { .uffd = -1 } };
	int rc = 0;

	setvbuf(stdout, NULL, _IONBF, 0);
	for (int i = 0; i < NR_TIERS && !rc; i++)
		rc = tier_open(&tiers[i], i);
	if (!rc)
		rc = pager_start(&pager, tiers);
	if (rc) {
		fprintf(stderr, "farmem: %s\n", strerror(-rc));
		return 1;
	}
	for (int i = 0; i < 2; i++) {
		rc = run_worker(tiers, i);
		if (rc)
			break;
	}
	pager_stop(&pager);
	for (int i = 0; i < NR_TIERS; i++)
		tier_close(&tiers[i]);
	printf("farmem: %s\n", rc ? "failed" : "ok");
	return rc ? 1 : 0;
}
