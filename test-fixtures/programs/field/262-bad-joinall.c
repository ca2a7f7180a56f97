// style: a helper joins the readers through a pointer to their ids
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <poll.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int uffd, quit[2];

static void *reader(void *arg)
{
	struct pollfd p[2] = { { uffd, POLLIN, 0 }, { quit[0], POLLIN, 0 } };
	struct uffd_msg m;

	while (poll(p, 2, -1) > 0 && !p[1].revents)
		if (read(uffd, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK)
			close(m.arg.fork.ufd);
	return arg;
}

static void stop(pthread_t *t, int n)
{
	close(quit[1]);
	for (int i = 0; i < n; i++)
		pthread_join(t[i], NULL);
}

int main(void)
{
	struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t[2];

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &a) < 0 || pipe(quit))
		return 1;
	r.range.start = (uintptr_t)mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r.range.len = 4096;
	if (ioctl(uffd, UFFDIO_REGISTER, &r) < 0)
		return 1;
	for (int i = 0; i < 2; i++)
		if (pthread_create(&t[i], NULL, reader, NULL))
			return 1;
	stop(t, 2);
	if (fork() == 0) // expect: fork-event-never-read
		_exit(0);
	wait(NULL);
	return 0;
}
