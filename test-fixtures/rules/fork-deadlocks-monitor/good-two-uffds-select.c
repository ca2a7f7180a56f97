// style: an array of regions, each with a mapping and a descriptor of its own, select() tells which one to read
// observe: output messages
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define err(what)			\
	do {				\
		perror(what);		\
		exit(1);		\
	} while (0)

#define SIZE 16384

static int young_uffd, old_uffd;
static char *young, *old;
static unsigned long forks;

static char *map_region(int *uffd)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *mem = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		err("mmap");
	*uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (*uffd < 0 || ioctl(*uffd, UFFDIO_API, &api))
		err("userfaultfd");
	reg.range.start = (uintptr_t)mem;
	reg.range.len = SIZE;
	if (ioctl(*uffd, UFFDIO_REGISTER, &reg))
		err("UFFDIO_REGISTER");
	return mem;
}

static void serve(int uffd)
{
	struct uffd_msg msg;

	while (read(uffd, &msg, sizeof(msg)) < 0)
		if (errno != EINTR)
			err("read");
	if (msg.event != UFFD_EVENT_FORK)
		exit(2);
	close(msg.arg.fork.ufd); /* children get by without us */
	forks++;
}

static void *collector(void *arg)
{
	fd_set set;

	for (;;) {
		FD_ZERO(&set);
		FD_SET(young_uffd, &set);
		FD_SET(old_uffd, &set);
		if (select(FD_SETSIZE, &set, NULL, NULL, NULL) < 0)
			err("select");
		if (FD_ISSET(young_uffd, &set))
			serve(young_uffd);
		if (FD_ISSET(old_uffd, &set))
			serve(old_uffd);
	}
	return arg;
}

int main(void)
{
	pthread_t thread;
	pid_t pid;

	young = map_region(&young_uffd);
	old = map_region(&old_uffd);
	if (pthread_create(&thread, NULL, collector, NULL))
		err("pthread_create");
	pid = fork();
	if (pid < 0)
		err("fork");
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	printf("%lu messages\n", forks);
	return 0;
}
