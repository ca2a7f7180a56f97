// style: without the capability the program does without fork events, and forks all the same
// setup: drop-cap
// observe: errno EPERM UFFDIO_API
// observe: output child sees 0
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned char page[4096] __attribute__((aligned(4096)));

static int uffd_open(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (fd < 0)
		err(1, "userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) == 0)
		return fd;
	warn("no fork events");
	api = (struct uffdio_api){ .api = UFFD_API };
	if (ioctl(fd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	return fd;
}

static void *serve(void *arg)
{
	int fd = (intptr_t)arg;
	struct uffd_msg msg;
	pthread_t child;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		switch (msg.event) {
		case UFFD_EVENT_FORK:
			if (pthread_create(&child, NULL, serve, (void *)(intptr_t)msg.arg.fork.ufd))
				close(msg.arg.fork.ufd);
			break;
		case UFFD_EVENT_PAGEFAULT: {
			struct uffdio_copy copy = {
				.dst = msg.arg.pagefault.address & ~4095ULL,
				.src = (uintptr_t)page,
				.len = sizeof(page),
			};

			while (ioctl(fd, UFFDIO_COPY, &copy) < 0 && errno == EAGAIN)
				;
			break;
		}
		}
	}
	close(fd);
	return NULL;
}

int main(void)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	unsigned char *mem;
	pthread_t thread;
	pid_t pid;
	int fd;

	memset(page, 7, sizeof(page));
	mem = mmap(NULL, sizeof(page), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		err(1, "mmap");
	fd = uffd_open();
	reg.range.start = (uintptr_t)mem;
	reg.range.len = sizeof(page);
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd))
		errx(1, "pthread_create");
	pid = fork(); // expect: fork-drops-registration
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		dprintf(1, "child sees %d\n", mem[0]);
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	return 0;
}
