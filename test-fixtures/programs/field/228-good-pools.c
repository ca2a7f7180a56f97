// style: a table of pools, opened in a loop, of which the child touches the one with EVENT_FORK
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct pool { unsigned long features; int uffd; char *base; } pools[2] = {
	{ .features = 0 },
	{ .features = UFFD_FEATURE_EVENT_FORK },
};

static int fm_open(struct pool *p)
{
	struct uffdio_api api = { UFFD_API, p->features, 0 };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	p->base = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	p->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (unsigned long)p->base;
	reg.range.len = 4096;
	return p->uffd < 0 || ioctl(p->uffd, UFFDIO_API, &api) || ioctl(p->uffd, UFFDIO_REGISTER, &reg) ? -1 : 0;
}

static void *pager(void *arg)
{
	struct uffd_msg m;

	while (read(pools[1].uffd, &m, sizeof m) == sizeof m)
		if (m.event == UFFD_EVENT_FORK)
			close(m.arg.fork.ufd);
	return arg;
}

int main(void)
{
	pthread_t t;
	pid_t pid;

	for (int i = 0; i < 2; i++)
		if (fm_open(&pools[i]) < 0)
			return 77;
	if (pthread_create(&t, NULL, pager, NULL))
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(pools[1].base[0]);
	waitpid(pid, NULL, 0);
	return 0;
}
