// style: two descriptors, blocking reads one after the other, the lower range first
// observe: output forked with two zones
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define HALF 65536

struct zone {
	const char *name;
	int uffd;
};

static void zone_open(struct zone *z, void *mem, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)mem, .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	z->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (z->uffd < 0)
		err(1, "userfaultfd");
	if (ioctl(z->uffd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	if (ioctl(z->uffd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER %s", z->name);
}

static struct zone heap = { "heap", -1 };
static struct zone stack = { "stack", -1 };

static void *reader(void *unused)
{
	struct uffd_msg msg;

	(void)unused;
	if (read(heap.uffd, &msg, sizeof(msg)) == sizeof(msg) &&
	    msg.event == UFFD_EVENT_FORK)
		close(msg.arg.fork.ufd);
	if (read(stack.uffd, &msg, sizeof(msg)) == sizeof(msg) && msg.event == UFFD_EVENT_FORK)
		close(msg.arg.fork.ufd);
	return NULL;
}

int main(void)
{
	pthread_t thread;
	char *mem;
	pid_t pid;

	mem = mmap(NULL, 2 * HALF, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		err(1, "mmap");
	zone_open(&heap, mem, HALF);
	zone_open(&stack, mem + HALF, HALF);
	if (pthread_create(&thread, NULL, reader, NULL))
		errx(1, "pthread_create");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	pthread_join(thread, NULL);
	printf("forked with two zones\n");
	return 0;
}
