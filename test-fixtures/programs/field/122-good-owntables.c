// style: several monitors, each with a table of its own
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#define MAX_KIDS 4
struct kids { int fds[MAX_KIDS]; int n; };
struct mon { int uffd; pthread_t t; int stop; int events; };

static int add(struct kids *kids, int fd)
{
	if (kids->n == MAX_KIDS)
		return -ENOSPC;
	kids->fds[kids->n++] = fd;
	return 0;
}

static void *monitor(void *arg)
{
	struct mon *m = arg;
	struct kids kids = { .n = 0 };
	struct uffd_msg msg;
	int i;

	while (!m->stop) {
		struct pollfd p = { .fd = m->uffd, .events = POLLIN };
		if (poll(&p, 1, 100) <= 0)
			continue;
		if (read(m->uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		m->events++;
		if (msg.event == UFFD_EVENT_FORK && add(&kids, msg.arg.fork.ufd))
			close(msg.arg.fork.ufd);
	}
	for (i = 0; i < kids.n; i++)
		close(kids.fds[i]);
	return NULL;
}
int main(int argc, char **argv)
{
	struct mon mons[3];
	int i, n = argc > 1 ? 2 : 3;

	(void)argv;
	for (i = 0; i < n; i++) {
		struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
		struct uffdio_register reg;
		char *a = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (a == MAP_FAILED)
			return 1;
		mons[i].stop = 0;
		mons[i].uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
		if (mons[i].uffd < 0)
			return 1;
		if (ioctl(mons[i].uffd, UFFDIO_API, &api))
			return 1;
		reg.range.start = (unsigned long)a;
		reg.range.len = 4096;
		reg.mode = UFFDIO_REGISTER_MODE_MISSING;
		if (ioctl(mons[i].uffd, UFFDIO_REGISTER, &reg))
			return 1;
		if (pthread_create(&mons[i].t, NULL, monitor, &mons[i]))
			return 1;
	}
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	for (i = 0; i < n; i++) {
		mons[i].stop = 1;
		pthread_join(mons[i].t, NULL);
		close(mons[i].uffd);
	}
	return 0;
}
