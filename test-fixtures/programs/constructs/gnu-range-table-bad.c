// style: a table of handlers with a range designator; forks go to the handler that counts
// observe: uffd-left 2
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct ctx {
	int uffd;
	size_t page;
	unsigned strays;
};

/* a later designator wins over the range, which is what is meant */
#pragma GCC diagnostic ignored "-Woverride-init"

typedef void (*event_fn)(struct ctx *, const struct uffd_msg *);

static void stray(struct ctx *ctx, const struct uffd_msg *msg)
{
	(void)msg;
	ctx->strays++;
}

static void fault(struct ctx *ctx, const struct uffd_msg *msg)
{
	struct uffdio_zeropage z = {
		.range.start = msg->arg.pagefault.address & ~(ctx->page - 1),
		.range.len = ctx->page,
	};

	if (ioctl(ctx->uffd, UFFDIO_ZEROPAGE, &z) == -1 && errno != EEXIST)
		perror("UFFDIO_ZEROPAGE");
}

static const event_fn table[] = { // expect: unhandled-fork-event
	[0 ... 255] = stray,
	[UFFD_EVENT_PAGEFAULT] = fault,
};

static void *dispatch(void *arg)
{
	struct ctx *ctx = arg;
	struct uffd_msg msg;
	ssize_t n;

	while ((n = read(ctx->uffd, &msg, sizeof(msg))) == sizeof(msg))
		table[msg.event](ctx, &msg);
	if (n < 0)
		perror("read");
	return NULL;
}

static int ctx_init(struct ctx *ctx, void *mem, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)mem, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	ctx->page = sysconf(_SC_PAGESIZE);
	ctx->uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (ctx->uffd == -1)
		return -1;
	if (ioctl(ctx->uffd, UFFDIO_API, &api) == -1)
		return -1;
	return ioctl(ctx->uffd, UFFDIO_REGISTER, &reg);
}

int main(void)
{
	size_t len = 1 << 16;
	struct ctx ctx = { 0 };
	pthread_t thread;
	pid_t pid;
	char *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED || ctx_init(&ctx, mem, len) == -1) {
		perror("init");
		return 1;
	}
	if (pthread_create(&thread, NULL, dispatch, &ctx))
		return 1;
	mem[0] = 1;
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
