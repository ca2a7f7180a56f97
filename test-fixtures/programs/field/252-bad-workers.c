// style: a reader and workers in one array, all of which are joined before the fork()
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define NT 4
static int uffd, p[2];

static void *handler(void *arg)
{
	struct pollfd pf[2] = { { uffd, POLLIN, 0 }, { p[0], POLLIN, 0 } };
	struct uffd_msg m;

	while (poll(pf, 2, -1) > 0 && !pf[1].revents)
		if (read(uffd, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK)
			close(m.arg.fork.ufd);
	return arg;
}

static void *work(void *arg)
{
	return arg;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t th[NT];
	char *m;

	uffd = syscall(__NR_userfaultfd, O_NONBLOCK | O_CLOEXEC);
	if (uffd < 0 || pipe(p) || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)m;
	reg.range.len = 4096;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		return 1;
	if (pthread_create(&th[0], NULL, handler, NULL))
		return 1;
	for (int i = 1; i < NT; i++)
		if (pthread_create(&th[i], NULL, work, NULL))
			return 1;
	close(p[1]);
	pthread_join(th[0], NULL);
	for (int i = 1; i < NT; i++)
		pthread_join(th[i], NULL);
	if (fork() == 0) // expect: fork-event-never-read
		_exit(0);
	wait(NULL);
	return 0;
}
