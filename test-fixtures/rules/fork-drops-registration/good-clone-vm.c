// style: clone() of a helper that shares the memory; nothing is copied, the reader serves both
// observe: output helper sees 7
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK 65536

static unsigned char page[4096] __attribute__((aligned(4096)));
static char helper_stack[STACK] __attribute__((aligned(16)));

static void *serve(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_copy copy = {
			.dst = msg.arg.pagefault.address & ~4095ULL,
			.src = (uintptr_t)page,
			.len = sizeof(page),
		};

		if (msg.event == UFFD_EVENT_PAGEFAULT && ioctl(fd, UFFDIO_COPY, &copy) < 0)
			err(1, "UFFDIO_COPY");
	}
	return NULL;
}

static int helper(void *arg)
{
	unsigned char *mem = arg;

	dprintf(1, "helper sees %d\n", mem[0]);
	return 0;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	unsigned char *mem;
	pthread_t thread;
	pid_t pid;
	int fd;

	memset(page, 7, sizeof(page));
	mem = mmap(NULL, sizeof(page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		err(1, "mmap");
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0)
		err(1, "userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	reg.range.start = (uintptr_t)mem;
	reg.range.len = sizeof(page);
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, serve, &fd))
		errx(1, "pthread_create");
	pid = clone(helper, helper_stack + STACK, CLONE_VM | SIGCHLD, mem);
	if (pid < 0)
		err(1, "clone");
	waitpid(pid, NULL, 0);
	return 0;
}
