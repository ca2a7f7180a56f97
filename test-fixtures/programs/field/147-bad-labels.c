// style: faults counted by thread; the requested features and the case labels come out of macros
/* per-thread fault accounting; features come from an X-macro */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

/*	name		why */
#define WANTED(X)							\
	X(EVENT_UNMAP,	"forget ranges")				\
	X(EVENT_REMAP,	"follow ranges")

#define FEATURE_BIT(n, why)	UFFD_FEATURE_##n |
#define FEATURE_NAME(n, why)	{ UFFD_FEATURE_##n, #n, why },
#define ON(ev, stmt)		case UFFD_EVENT_##ev: { stmt; } break

static const struct { uint64_t bit; const char *name, *why; } wanted[] = { WANTED(FEATURE_NAME) };

static const uint64_t wanted_mask = WANTED(FEATURE_BIT) 0;

struct bucket { uint32_t tid; unsigned long n; };

static struct {
	int uffd;
	struct bucket b[16];
	unsigned long unmapped, moved;
	void *src;
	uint64_t pg;
} g;

static struct bucket *bucket_of(uint32_t tid)
{
	for (unsigned i = 0; i < 16; i++) {
		if (!g.b[i].n)
			g.b[i].tid = tid;
		if (g.b[i].tid == tid)
			return &g.b[i];
	}
	return &g.b[15];
}

static void fill(uint64_t va)
{
	struct uffdio_copy c = { .dst = va & ~(g.pg - 1), .src = (uintptr_t)g.src, .len = g.pg };

	while (ioctl(g.uffd, UFFDIO_COPY, &c) && errno == EAGAIN)
		sched_yield();
}

static void *account(void *p)
{
	struct uffd_msg m;

	while (read(g.uffd, &m, sizeof m) == (ssize_t)sizeof m) {
		switch (m.event) {
		ON(PAGEFAULT,
			bucket_of(m.arg.pagefault.feat.ptid)->n++; // expect: missing-feature
			fill(m.arg.pagefault.address));
		ON(UNMAP, g.unmapped += m.arg.remove.end - m.arg.remove.start);
		ON(REMAP, g.moved += m.arg.remap.len);
		}
	}
	return p;
}

static void *toucher(void *p)
{
	return (void *)(intptr_t)*(volatile char *)p;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = wanted_mask };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t a, t[3];
	char *mem;
	unsigned used = 0;

	g.pg = sysconf(_SC_PAGESIZE);
	mem = mmap(0, 8 * g.pg, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	g.src = mmap(0, g.pg, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || g.src == MAP_FAILED)
		return 1;
	memset(g.src, 1, g.pg);
	for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++)
		printf("%-12s %s (%#llx)\n", wanted[i].name, wanted[i].why, (unsigned long long)wanted[i].bit);
	g.uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (g.uffd < 0 || ioctl(g.uffd, UFFDIO_API, &api))
		return perror("uffd"), 1;
	r.range.start = (uintptr_t)mem;
	r.range.len = 8 * g.pg;
	if (ioctl(g.uffd, UFFDIO_REGISTER, &r))
		return perror("register"), 1;
	if (pthread_create(&a, 0, account, 0))
		return 1;
	for (int i = 0; i < 3; i++)
		if (pthread_create(&t[i], 0, toucher, mem + i * g.pg))
			return 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], 0);
	for (int i = 0; i < 16; i++)
		used += g.b[i].n != 0;
	printf("%u buckets\n", used);
	return used != 3;
}
