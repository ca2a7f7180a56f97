// style: the message lies on the heap, helpers get it by pointer, and only a local of the caller leads to it
// observe: uffd-left 3
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

static int ready[2];
static int seen_forks;

/* what the message is; whose its descriptor is, the caller decides */
static int is_fork(const struct uffd_msg *m)
{
	if (m->event == UFFD_EVENT_FORK) {           // expect: leaked-child-uffd
		seen_forks++;
		return 1;
	}
	return 0;
}

static void *serve(void *arg)
{
	int uffd = (long)arg;
	struct uffd_msg *m = malloc(sizeof(*m));

	/* from here on without malloc(): fork() holds its locks while it waits for us */
	if (m == NULL || write(ready[1], "", 1) != 1)
		return NULL;
	while (read(uffd, m, sizeof(*m)) == sizeof(*m))
		if (is_fork(m))
			seen_forks--;
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
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	long size = sysconf(_SC_PAGESIZE);
	pthread_t reader;
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	char c;

	if (mem == MAP_FAILED || pipe(ready) == -1 || uffd == -1 || ioctl(uffd, UFFDIO_API, &api) == -1) {
		perror("setup");
		return 1;
	}
	reg.range.start = (uintptr_t)mem;
	reg.range.len = size;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1) {
		perror("UFFDIO_REGISTER");
		return 1;
	}
	if (pthread_create(&reader, NULL, serve, (void *)(long)uffd) != 0 || read(ready[0], &c, 1) != 1)
		return 1;
	make_child();
	make_child();
	return 0;
}
