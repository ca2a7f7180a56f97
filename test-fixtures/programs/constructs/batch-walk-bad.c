// style: many messages per read(), walked by a pointer; the walk ends at the first page fault
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

static int uffd;
static long pgsz;
static int ready[2];

static void zero(uint64_t where)
{
	struct uffdio_zeropage z = { .range = { where & ~(uint64_t)(pgsz - 1), pgsz } };

	while (ioctl(uffd, UFFDIO_ZEROPAGE, &z) == -1 && errno == EAGAIN)
		sched_yield();
}

static void *drain(void *p)
{
	struct uffd_msg *queue = p, *m;
	char c;

	/* start late, so that messages have gathered */
	if (read(ready[0], &c, 1) != 1)
		return NULL;
	for (;;) {
		ssize_t left = read(uffd, queue, 16 * sizeof(*queue)); // expect: leaked-child-uffd

		if (left < (ssize_t)sizeof(*m))
			return NULL;
		for (m = queue; left >= (ssize_t)sizeof(*m); left -= sizeof(*m), m++) {
			if (m->event == UFFD_EVENT_PAGEFAULT) {
				zero(m->arg.pagefault.address);
				break;
			}
			if (m->event == UFFD_EVENT_FORK)
				close(m->arg.fork.ufd);
		}
	}
}

static void *forker(void *unused)
{
	pid_t pid = syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return unused;
}

static void *toucher(void *mem)
{
	return *(volatile char *)mem ? mem : NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t reader, forkers[2], touch;
	void *mem;
	int i;

	pgsz = sysconf(_SC_PAGESIZE);
	mem = mmap(NULL, 4 * pgsz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (mem == MAP_FAILED || uffd == -1 || pipe(ready) == -1 || ioctl(uffd, UFFDIO_API, &api) == -1) {
		perror("setup");
		return 1;
	}
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4 * pgsz;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1) {
		perror("UFFDIO_REGISTER");
		return 1;
	}
	pthread_create(&reader, NULL, drain, calloc(16, sizeof(struct uffd_msg)));
	pthread_create(&touch, NULL, toucher, mem);
	usleep(20000);
	for (i = 0; i < 2; i++)
		pthread_create(&forkers[i], NULL, forker, NULL);
	usleep(200000);
	if (write(ready[1], "", 1) != 1)
		return 1;
	for (i = 0; i < 2; i++)
		pthread_join(forkers[i], NULL);
	pthread_join(touch, NULL);
	return 0;
}
