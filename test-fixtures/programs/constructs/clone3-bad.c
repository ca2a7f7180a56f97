// style: clone3() without CLONE_VM; nobody reads
// observe: fork-blocked
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __NR_clone3
#define __NR_clone3 435
#endif

struct job {
	const char *name;
	int pidfd;
	pid_t pid;
};

static pid_t sys_clone3(struct clone_args *args)
{
	return syscall(__NR_clone3, args, sizeof(*args)); // expect: fork-event-never-read
}

static void job_start(struct job *j)
{
	struct clone_args args = {
		.flags = CLONE_PIDFD,
		.pidfd = (uintptr_t)&j->pidfd,
		.exit_signal = SIGCHLD,
	};

	j->pid = sys_clone3(&args);
	if (j->pid < 0)
		err(1, "clone3 %s", j->name);
	if (j->pid == 0)
		_exit(0);
}

static void job_wait(struct job *j)
{
	int status;

	if (waitpid(j->pid, &status, 0) != j->pid)
		err(1, "waitpid");
	close(j->pidfd);
	printf("%s: %d\n", j->name, WEXITSTATUS(status));
}

static int watch(void *base, size_t length)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)base, .len = length },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		err(1, "userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	if (ioctl(fd, UFFDIO_REGISTER, &range) < 0)
		err(1, "UFFDIO_REGISTER");
	return fd;
}

int main(void)
{
	struct job job = { .name = "compress", .pidfd = -1 };
	size_t length = 32 * getpagesize();
	int uffd;
	void *base;

	base = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (base == MAP_FAILED)
		err(1, "mmap");
	uffd = watch(base, length);
	job_start(&job);
	job_wait(&job);
	close(uffd);
	return 0;
}
