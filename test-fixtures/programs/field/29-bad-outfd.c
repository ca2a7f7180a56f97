// follow.c: follows the youngest process of a chain of forks
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
#include <sys/wait.h>
#include <unistd.h>

static size_t PAGE;
static char *chain_mem;
static int hops;

static void bail(const char *fmt, const char *arg) __attribute__((noreturn));
static void bail(const char *fmt, const char *arg)
{
	fprintf(stderr, fmt, arg, strerror(errno));
	exit(EXIT_FAILURE);
}

// Takes one message. *fd is the process that is being followed.
static bool step(int *fd)
{
	struct uffd_msg msg;
	struct uffdio_zeropage z;
	ssize_t r;

	r = read(*fd, &msg, sizeof msg);
	if (r < 0)
		return errno == EAGAIN || errno == EINTR;
	if (r != sizeof msg)
		return false;

	if (msg.event == UFFD_EVENT_FORK) {
		hops++;
		*fd = (int)msg.arg.fork.ufd; // expect: overwritten-parent-uffd
		return true;
	}
	if (msg.event == UFFD_EVENT_PAGEFAULT) {
		memset(&z, 0, sizeof z);
		z.range.start = msg.arg.pagefault.address / PAGE * PAGE;
		z.range.len = PAGE;
		if (ioctl(*fd, UFFDIO_ZEROPAGE, &z) < 0 && errno != EEXIST && errno != EAGAIN)
			return false;
		return true;
	}
	return true;
}

static void *follow(void *arg)
{
	int *fd = arg;
	struct pollfd p;

	do {
		p.fd = *fd;
		p.events = POLLIN;
		p.revents = 0;
		if (poll(&p, 1, 1000) == 0)
			break;
	} while (step(fd));
	close(*fd);
	free(fd);
	return NULL;
}

static int *start(void)
{
	int *fd = malloc(sizeof *fd);
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { 0 };

	if (!fd)
		bail("%s: %s\n", "malloc");
	*fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (*fd < 0)
		bail("%s: %s\n", "userfaultfd");
	if (ioctl(*fd, UFFDIO_API, &api) < 0)
		bail("%s: %s\n", "UFFDIO_API");
	reg.range.start = (uintptr_t)chain_mem;
	reg.range.len = 4 * PAGE;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(*fd, UFFDIO_REGISTER, &reg) < 0)
		bail("%s: %s\n", "UFFDIO_REGISTER");
	return fd;
}

int main(void)
{
	pthread_t t;
	pid_t pid;
	int st;

	PAGE = sysconf(_SC_PAGESIZE);
	chain_mem = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (chain_mem == MAP_FAILED)
		bail("%s: %s\n", "mmap");
	chain_mem[0] = 1;
	if (pthread_create(&t, NULL, follow, start()))
		bail("%s: %s\n", "pthread_create");
	pid = fork();
	if (pid < 0)
		bail("%s: %s\n", "fork");
	if (pid == 0)
		_exit(chain_mem[PAGE] != 0);
	waitpid(pid, &st, 0);
	pthread_join(t, NULL);
	printf("%d hops, child %d\n", hops, st);
	return 0;
}
