// style: fork written as a raw clone system call; nobody reads
// observe: fork-blocked
#define _GNU_SOURCE
#include <errno.h>
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

/* runs a command that shares our descriptors until it execs; the arena is swapped in by hand */

struct arena {
	char *base;
	size_t size;
	int uffd;
};

static inline pid_t raw_clone(unsigned long flags)
{
#if defined(__s390x__) || defined(__CRIS__)
	return syscall(__NR_clone, NULL, flags);
#else
	return syscall(__NR_clone, flags, NULL, NULL, NULL, 0); // expect: fork-event-never-read
#endif
}

static int arena_watch(struct arena *a)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE,
	};
	struct uffdio_register reg = {
		.range.start = (uintptr_t)a->base,
		.range.len = a->size,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	a->uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (a->uffd < 0)
		return -errno;
	if (ioctl(a->uffd, UFFDIO_API, &api) < 0 || ioctl(a->uffd, UFFDIO_REGISTER, &reg) < 0) {
		int r = -errno;

		close(a->uffd);
		return r;
	}
	return 0;
}

static void *arena_reader(void *userdata)
{
	struct arena *a = userdata;
	struct uffd_msg m;

	while (read(a->uffd, &m, sizeof(m)) == sizeof(m))
		switch (m.event) {
		case UFFD_EVENT_FORK:
			close(m.arg.fork.ufd);
			break;
		case UFFD_EVENT_REMOVE:
			break;
		default:
			return NULL;
		}
	return NULL;
}

int main(void)
{
	struct arena a = { .size = 1 << 16, .uffd = -1 };
	pthread_t reader;
	pid_t pid;
	int r;

	a.base = mmap(NULL, a.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (a.base == MAP_FAILED)
		return 1;
	r = arena_watch(&a);
	if (r < 0) {
		fprintf(stderr, "Failed to watch arena: %s\n", strerror(-r));
		return 1;
	}
	pid = raw_clone(SIGCHLD | CLONE_FILES);
	if (pid == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	if (pid < 0)
		fprintf(stderr, "Failed to clone: %m\n");
	if (pthread_create(&reader, NULL, arena_reader, &a) != 0)
		return 1;
	if (pid > 0 && waitpid(pid, &r, 0) == pid)
		printf("exit %d\n", WEXITSTATUS(r));
	return pid < 0;
}
