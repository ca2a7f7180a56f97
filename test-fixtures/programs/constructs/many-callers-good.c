// style: one helper that is called from twenty places, one for each phase
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

static int phase;

static int pump(int uffd, const char *name)
{
	struct uffd_msg m;

	if (read(uffd, &m, sizeof(m)) != sizeof(m)) {
		perror(name);
		return -1;
	}
	if (m.event == UFFD_EVENT_FORK) {
		phase = (phase + 1) % 20;
		close(m.arg.fork.ufd);
	}
	return 0;
}

static void *serve(void *arg)
{
	int uffd = (long)arg;

again:
	if (phase == 0 && pump(uffd, "a") == -1)
		return NULL;
	if (phase == 1 && pump(uffd, "b") == -1)
		return NULL;
	if (phase == 2 && pump(uffd, "c") == -1)
		return NULL;
	if (phase == 3 && pump(uffd, "d") == -1)
		return NULL;
	if (phase == 4 && pump(uffd, "e") == -1)
		return NULL;
	if (phase == 5 && pump(uffd, "f") == -1)
		return NULL;
	if (phase == 6 && pump(uffd, "g") == -1)
		return NULL;
	if (phase == 7 && pump(uffd, "h") == -1)
		return NULL;
	if (phase == 8 && pump(uffd, "i") == -1)
		return NULL;
	if (phase == 9 && pump(uffd, "j") == -1)
		return NULL;
	if (phase == 10 && pump(uffd, "k") == -1)
		return NULL;
	if (phase == 11 && pump(uffd, "l") == -1)
		return NULL;
	if (phase == 12 && pump(uffd, "m") == -1)
		return NULL;
	if (phase == 13 && pump(uffd, "n") == -1)
		return NULL;
	if (phase == 14 && pump(uffd, "o") == -1)
		return NULL;
	if (phase == 15 && pump(uffd, "p") == -1)
		return NULL;
	if (phase == 16 && pump(uffd, "q") == -1)
		return NULL;
	if (phase == 17 && pump(uffd, "r") == -1)
		return NULL;
	if (phase == 18 && pump(uffd, "s") == -1)
		return NULL;
	if (phase == 19 && pump(uffd, "t") == -1)
		return NULL;
	goto again;
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
