// style: faults of threads told apart by the number in the message
/*
 * Accounts the stall time of each vCPU thread during post-copy.  The thread
 * id comes with the fault message.
 */
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
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#define NR_VCPU 3
#define VCPU_PAGES 10
#define PAGE 4096UL

struct vcpu {
	int index;
	pid_t tid;
	pthread_t thread;
	uint64_t stall_ns;
	unsigned faults;
	struct guest *guest;
	int wrong;
};

struct guest {
	uint8_t *ram;
	size_t len;
	struct vcpu vcpu[NR_VCPU];
	pthread_barrier_t ready;
	unsigned unknown;
};

struct fault_ctx {
	int uffd;
	struct guest *guest;
	uint8_t *page;
	bool have_tid;
	bool stop;
};

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static struct vcpu *vcpu_by_tid(struct guest *g, pid_t tid)
{
	for (int i = 0; i < NR_VCPU; i++)
		if (g->vcpu[i].tid == tid)
			return &g->vcpu[i];
	return NULL;
}

static int fault_open(struct fault_ctx *fc)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_MISSING_SHMEM,
	};

	fc->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fc->uffd < 0)
		return -errno;
	if (ioctl(fc->uffd, UFFDIO_API, &api) < 0) {
		int err = -errno;

		close(fc->uffd);
		fc->uffd = -1;
		return err;
	}
	fc->have_tid = api.features & UFFD_FEATURE_THREAD_ID;
	return 0;
}

static int fault_register(struct fault_ctx *fc)
{
	struct uffdio_register reg = {
		.range.start = (uintptr_t)fc->guest->ram,
		.range.len = fc->guest->len,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(fc->uffd, UFFDIO_REGISTER, &reg) < 0 ? -errno : 0;
}

static int fault_resolve(struct fault_ctx *fc, uint64_t addr)
{
	struct uffdio_copy copy;
	uint64_t base = addr & ~(PAGE - 1);

	memset(fc->page, (int)((base - (uintptr_t)fc->guest->ram) / PAGE) + 1, PAGE);
	memset(&copy, 0, sizeof(copy));
	copy.dst = base;
	copy.src = (uintptr_t)fc->page;
	copy.len = PAGE;
	if (ioctl(fc->uffd, UFFDIO_COPY, &copy) < 0) {
		struct uffdio_range again = { base, PAGE };

		if (errno != EEXIST && errno != EAGAIN)
			return -errno;
		ioctl(fc->uffd, UFFDIO_WAKE, &again);
	}
	return 0;
}

static void account(struct fault_ctx *fc, const struct uffd_msg *msg, uint64_t ns)
{
	struct vcpu *v = NULL;

	if (fc->have_tid)
		v = vcpu_by_tid(fc->guest, (pid_t)msg->arg.pagefault.feat.ptid); // expect: missing-feature
	if (!v) {
		fc->guest->unknown++;
		return;
	}
	v->faults++;
	v->stall_ns += ns;
}

static void *fault_main(void *arg)
{
	struct fault_ctx *fc = arg;
	struct pollfd pfd = { .fd = fc->uffd, .events = POLLIN };
	struct uffd_msg msg;

	while (!__atomic_load_n(&fc->stop, __ATOMIC_ACQUIRE)) {
		uint64_t t0;
		ssize_t n;

		if (poll(&pfd, 1, 20) <= 0)
			continue;
		n = read(fc->uffd, &msg, sizeof(msg));
		if (n < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			return (void *)-1L;
		}
		if (n != sizeof(msg) || msg.event != UFFD_EVENT_PAGEFAULT)
			return (void *)-1L;
		t0 = now_ns();
		if (fault_resolve(fc, msg.arg.pagefault.address) < 0)
			return (void *)-1L;
		account(fc, &msg, now_ns() - t0);
	}
	return NULL;
}

static void *vcpu_main(void *arg)
{
	struct vcpu *v = arg;
	struct guest *g = v->guest;

	v->tid = (pid_t)syscall(SYS_gettid);
	pthread_barrier_wait(&g->ready);
	for (int i = 0; i < VCPU_PAGES; i++) {
		size_t pg = (size_t)(i * NR_VCPU + v->index);

		if (g->ram[pg * PAGE] != (uint8_t)(pg + 1))
			v->wrong++;
	}
	return NULL;
}

int main(void)
{
	static struct guest g;
	struct fault_ctx fc = { .uffd = -1, .guest = &g };
	pthread_t ft;
	int rc = 0;

	g.len = NR_VCPU * VCPU_PAGES * PAGE;
	g.ram = mmap(NULL, g.len, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fc.page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g.ram == MAP_FAILED || fc.page == MAP_FAILED)
		return 1;
	rc = fault_open(&fc);
	if (!rc)
		rc = fault_register(&fc);
	if (!rc)
		rc = -pthread_create(&ft, NULL, fault_main, &fc);
	if (rc) {
		fprintf(stderr, "stall: %s\n", strerror(-rc));
		return 1;
	}
	pthread_barrier_init(&g.ready, NULL, NR_VCPU);
	for (int i = 0; i < NR_VCPU; i++) {
		g.vcpu[i].index = i;
		g.vcpu[i].guest = &g;
		if (pthread_create(&g.vcpu[i].thread, NULL, vcpu_main, &g.vcpu[i]))
			return 1;
	}
	for (int i = 0; i < NR_VCPU; i++) {
		pthread_join(g.vcpu[i].thread, NULL);
		rc += g.vcpu[i].wrong;
	}
	__atomic_store_n(&fc.stop, true, __ATOMIC_RELEASE);
	pthread_join(ft, NULL);
	for (int i = 0; i < NR_VCPU; i++)
		printf("vcpu %d: %u faults, %s\n", i, g.vcpu[i].faults,
		       g.vcpu[i].stall_ns ? "stalled" : "no stall");
	printf("unattributed %u\n", g.unknown);
	close(fc.uffd);
	return rc != 0;
}
