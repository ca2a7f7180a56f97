// style: the functions of the reader call each other in a circle
// observe: uffd-left 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
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

static int seen_forks;

static void receive(int uffd, int depth);

/* what is not for us goes back to the other one */
static void dispatch(int uffd, const struct uffd_msg *m, int depth)
{
	switch (m->event) {
	case UFFD_EVENT_FORK:
		seen_forks++;
		close(m->arg.fork.ufd);
		break;
	case UFFD_EVENT_REMAP:
		receive(uffd, depth + 1);
		break;
	default:
		break;
	}
}

static void receive(int uffd, int depth)
{
	struct uffd_msg m;

	if (depth > 16)
		return;
	if (read(uffd, &m, sizeof(m)) != sizeof(m)) {
		perror("read");
		return;
	}
	dispatch(uffd, &m, depth);
}

static void *serve(void *arg)
{
	int uffd = (long)arg;

	for (;;)
		receive(uffd, 0);
	return NULL;
}

static void make_child(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	long size = sysconf(_SC_PAGESIZE);
	pthread_t reader;
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int uffd = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (mem == MAP_FAILED || uffd == -1 || ioctl(uffd, UFFDIO_API, &api) == -1) {
		perror("setup");
		return 1;
	}
	reg.range.start = (uintptr_t)mem;
	reg.range.len = size;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1) {
		perror("UFFDIO_REGISTER");
		return 1;
	}
	if (pthread_create(&reader, NULL, serve, (void *)(long)uffd) != 0)
		return 1;
	make_child();
	make_child();
	return 0;
}
