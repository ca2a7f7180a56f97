// style: a pool of workers, forked when the heap is armed
// observe: fork-blocked
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
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

#define NWORKERS 3

/* Called by every server of the family: some of them do fork later, and have a reader. */
static int lazy_open(void)
{
	struct uffdio_api api;
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -1;
	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(fd, UFFDIO_API, &api) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

static int lazy_add(int fd, void *start, size_t size)
{
	struct uffdio_register reg;

	reg.range.start = (uintptr_t)start;
	reg.range.len = size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	return ioctl(fd, UFFDIO_REGISTER, &reg);
}

static void worker(int in)
{
	char job;

	while (read(in, &job, 1) == 1)
		;
	_exit(0);
}

static int start_workers(pid_t *pids, int *jobs)
{
	int i, p[2];

	if (pipe2(p, O_CLOEXEC) < 0)
		return -1;
	for (i = 0; i < NWORKERS; i++) {
		pids[i] = fork(); // expect: fork-event-never-read
		if (pids[i] < 0)
			return -1;
		if (pids[i] == 0) {
			close(p[1]);
			worker(p[0]);
		}
	}
	close(p[0]);
	*jobs = p[1];
	return 0;
}

int main(void)
{
	size_t size = 64 * sysconf(_SC_PAGESIZE);
	pid_t pids[NWORKERS];
	int fd, jobs, i;
	void *heap;

	fd = lazy_open();
	heap = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || heap == MAP_FAILED) {
		perror("heap");
		return 1;
	}
	if (lazy_add(fd, heap, size) < 0 || start_workers(pids, &jobs) < 0) {
		perror("start");
		return 1;
	}
	if (write(jobs, "abc", 3) != 3)
		perror("write");
	close(jobs);
	for (i = 0; i < NWORKERS; i++)
		waitpid(pids[i], NULL, 0);
	return 0;
}
