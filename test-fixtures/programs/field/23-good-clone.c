#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* container launcher: guest memory is lazy, the init process is cloned into new namespaces */

struct launcher {
	int uffd;
	char *guest;
	size_t size;
	char *const *argv;
	char *stack;
};

#define STACK_SIZE (256 * 1024)

static void oops(const char *s)
{
	fprintf(stderr, "launcher: %s: %s\n", s, strerror(errno));
	exit(EXIT_FAILURE);
}

static int init_main(void *arg)
{
	struct launcher *l = arg;

	execv(l->argv[0], l->argv);
	return 127;
}

static void lazy_guest(struct launcher *l, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	l->size = size;
	l->guest = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (l->guest == MAP_FAILED)
		oops("mmap");
	l->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (l->uffd < 0)
		oops("userfaultfd");
	if (ioctl(l->uffd, UFFDIO_API, &api))
		oops("UFFDIO_API");
	reg.range.start = (uintptr_t)l->guest;
	reg.range.len = size;
	if (ioctl(l->uffd, UFFDIO_REGISTER, &reg))
		oops("UFFDIO_REGISTER");
}

static pid_t launch(struct launcher *l)
{
	pid_t pid;

	l->stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
	if (l->stack == MAP_FAILED)
		oops("stack");
	pid = clone(init_main, l->stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_NEWUTS | SIGCHLD, l);
	if (pid == -1)
		oops("clone");
	return pid;
}

static void *resolver(void *arg)
{
	struct launcher *l = arg;
	struct uffd_msg msg;
	long psz = sysconf(_SC_PAGESIZE);

	for (;;) {
		ssize_t n = read(l->uffd, &msg, sizeof(msg));

		if (n == -1 && errno == EAGAIN) {
			usleep(500);
			continue;
		}
		if (n != sizeof(msg))
			break;
		if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd);
		else if (msg.event == UFFD_EVENT_PAGEFAULT) {
			struct uffdio_zeropage z = { .range = { msg.arg.pagefault.address & -psz, psz } };

			while (ioctl(l->uffd, UFFDIO_ZEROPAGE, &z) == -1 && errno == EAGAIN)
				;
		}
	}
	return NULL;
}

int main(void)
{
	static char *const argv[] = { "/bin/true", NULL };
	struct launcher l = { .argv = argv };
	pthread_t thread;
	int status;
	pid_t pid;

	lazy_guest(&l, 16 << 20);
	/* Launch first: the guest must not compete with our helper threads. */
	pid = launch(&l);
	if (pthread_create(&thread, NULL, resolver, &l))
		oops("pthread_create");
	l.guest[12345] = 1;
	if (waitpid(pid, &status, 0) != pid)
		oops("waitpid");
	printf("init: %d\n", status);
	return 0;
}
