// style: struct ctx * thread argument, access tracer that wants the offset inside the page
// observe: uffd-left 1
// observe: output first access at +0
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct ctx {
	int uffd;
	int stop[2];
	unsigned long page_size;
	unsigned long first_offset;
	char *area;
};

static void *tracer(void *arg)
{
	struct ctx *ctx = arg;
	struct pollfd fds[2] = { { ctx->uffd, POLLIN, 0 }, { ctx->stop[0], POLLIN, 0 } };
	struct uffdio_zeropage zero = { .mode = 0 };
	struct uffd_msg msg;

	while (poll(fds, 2, -1) >= 0 && !fds[1].revents) {
		if (read(ctx->uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_FORK) {
			close(msg.arg.fork.ufd);
			continue;
		}
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		ctx->first_offset = msg.arg.pagefault.address & (ctx->page_size - 1); // misses: missing-feature -- the in-page part of the address is not followed (docs/limits.md)
		zero.range.start = msg.arg.pagefault.address & ~(ctx->page_size - 1);
		zero.range.len = ctx->page_size;
		if (ioctl(ctx->uffd, UFFDIO_ZEROPAGE, &zero) == -1)
			ioctl(ctx->uffd, UFFDIO_WAKE, &zero.range);
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK,
	};
	struct ctx ctx = { .page_size = sysconf(_SC_PAGESIZE) };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;

	ctx.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (ctx.uffd == -1)
		err(1, "userfaultfd");
	if (ioctl(ctx.uffd, UFFDIO_API, &api) == -1)
		err(1, "UFFDIO_API");
	if (pipe(ctx.stop) == -1)
		err(1, "pipe");
	ctx.area = mmap(NULL, ctx.page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ctx.area == MAP_FAILED)
		err(1, "mmap");
	reg.range.start = (unsigned long)ctx.area;
	reg.range.len = ctx.page_size;
	if (ioctl(ctx.uffd, UFFDIO_REGISTER, &reg) == -1)
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, tracer, &ctx))
		errx(1, "pthread_create");

	ctx.area[40] = 1;
	if (fork() == 0)
		_exit(0);
	wait(NULL);
	close(ctx.stop[1]);
	pthread_join(thread, NULL);
	printf("first access at +%lu\n", ctx.first_offset);
	return 0;
}
