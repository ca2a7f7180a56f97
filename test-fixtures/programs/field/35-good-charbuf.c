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

/* event pump: raw bytes in, callbacks out */

typedef void (*on_fault_fn)(void *ctx, uint64_t addr, uint32_t tid);
typedef void (*on_fork_fn)(void *ctx, int fd);

struct pump {
	int fd;
	void *ctx;
	on_fault_fn on_fault;
	on_fork_fn on_fork;
	char buf[8 * sizeof(struct uffd_msg)];
};

struct app {
	struct pump pump;
	char *mem;
	size_t psz;
	unsigned faults, forks;
};

static void app_fault(void *ctx, uint64_t addr, uint32_t tid)
{
	struct app *a = ctx;
	struct uffdio_zeropage z = { .range = { addr & ~(uint64_t)(a->psz - 1), a->psz } };

	(void)tid;
	a->faults++;
	while (ioctl(a->pump.fd, UFFDIO_ZEROPAGE, &z) == -1 && errno == EAGAIN)
		;
}

static void app_fork(void *ctx, int fd)
{
	struct app *a = ctx;

	a->forks++;
	close(fd);
}

static int pump_once(struct pump *p)
{
	struct uffd_msg msg;
	ssize_t n, off;

	n = read(p->fd, p->buf, sizeof(p->buf));
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -1;
	for (off = 0; off + (ssize_t)sizeof(msg) <= n; off += sizeof(msg)) {
		memcpy(&msg, p->buf + off, sizeof(msg));
		if (msg.event == UFFD_EVENT_PAGEFAULT && p->on_fault)
			p->on_fault(p->ctx, msg.arg.pagefault.address, msg.arg.pagefault.feat.ptid);
		else if (msg.event == UFFD_EVENT_FORK && p->on_fork)
			p->on_fork(p->ctx, (int)msg.arg.fork.ufd);
	}
	return (int)(n / sizeof(msg));
}

static void *pump_loop(void *arg)
{
	struct pump *p = arg;

	while (pump_once(p) >= 0)
		;
	return NULL;
}

static int pump_open(struct pump *p, void *mem, size_t len)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_THREAD_ID,
	};
	struct uffdio_register reg = {
		.range = { (uintptr_t)mem, len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	p->fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (p->fd < 0)
		return -1;
	if (ioctl(p->fd, UFFDIO_API, &api) < 0 || ioctl(p->fd, UFFDIO_REGISTER, &reg) < 0) {
		close(p->fd);
		return -1;
	}
	return 0;
}

int main(void)
{
	static struct app a;
	pthread_t t;
	int i;

	a.psz = sysconf(_SC_PAGESIZE);
	a.mem = mmap(NULL, 4 * a.psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a.mem == MAP_FAILED)
		return 1;
	a.pump.ctx = &a;
	a.pump.on_fault = app_fault;
	a.pump.on_fork = app_fork;
	if (pump_open(&a.pump, a.mem, 4 * a.psz) < 0) {
		perror("pump_open");
		return 1;
	}
	if (pthread_create(&t, NULL, pump_loop, &a.pump))
		return 1;
	a.mem[0] = 1;
	for (i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(a.mem[0] != 1);
		if (pid < 0 || waitpid(pid, NULL, 0) < 0)
			return 1;
	}
	printf("%u faults %u forks\n", a.faults, a.forks);
	return 0;
}
