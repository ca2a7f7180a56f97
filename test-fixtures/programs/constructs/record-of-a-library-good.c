// style: records found by hsearch(); each child goes into a record of its own
// observe: uffd-left 1
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <search.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct worker_info {
	pid_t pid;
	int uffd;
};

static char *names[] = { "worker-0", "worker-1", "worker-2" };

static void
worker_register(char *name)
{
	struct worker_info *info = calloc(1, sizeof *info);
	ENTRY item = { .key = name, .data = info };

	if (info == NULL || hsearch(item, ENTER) == NULL)
		err(1, "%s", name);
	info->uffd = -1;
}

static struct worker_info *
worker_find(char *name)
{
	ENTRY item = { .key = name }, *found;

	found = hsearch(item, FIND);
	if (found == NULL)
		errx(1, "%s is not known", name);
	return found->data;
}

static void *
monitor(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg msg;
	unsigned n = 0;

	while (read(fd, &msg, sizeof msg) == sizeof msg) {
		if (msg.event != UFFD_EVENT_FORK)
			continue;
		struct worker_info *info = worker_find(names[n]);

		info->uffd = msg.arg.fork.ufd;
		if (++n == 3)
			break;
	}
	for (n = 0; n < 3; n++)
		if (worker_find(names[n])->uffd >= 0)
			close(worker_find(names[n])->uffd);
	return NULL;
}

int
main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t len = 4 * (size_t)sysconf(_SC_PAGESIZE);
	void *shared = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	int fd, i;

	if (hcreate(8) == 0)
		err(1, "hcreate");
	for (i = 0; i < 3; i++)
		worker_register(names[i]);
	fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (fd == -1 || shared == MAP_FAILED)
		err(1, "userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) == -1)
		err(1, "UFFDIO_API");
	reg.range.start = (uintptr_t)shared;
	reg.range.len = len;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) == -1)
		err(1, "UFFDIO_REGISTER");
	if ((errno = pthread_create(&thread, NULL, monitor, &fd)) != 0)
		err(1, "pthread_create");
	for (i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == -1)
			err(1, "fork");
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	pthread_join(thread, NULL);
	return 0;
}
