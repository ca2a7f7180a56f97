// style: two userfaultfds, one of them watched
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static int setup(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	reg.range.start = (uintptr_t)p;
	reg.range.len = 4096;
	if (fd < 0 || p == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		exit(1);
	return fd;
}
static int a, b, ep;
static void *reader(void *u)
{
	struct epoll_event e;
	struct uffd_msg m;

	while (epoll_wait(ep, &e, 1, -1) >= 0)
		if (read(e.data.fd, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK)
			close(m.arg.fork.ufd);
	return u;
}
int main(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	pthread_t t;

	a = setup(UFFD_FEATURE_EVENT_FORK);
	b = setup(UFFD_FEATURE_EVENT_FORK);
	ep = epoll_create1(0);
	e.data.fd = a;
	if (ep < 0 || epoll_ctl(ep, EPOLL_CTL_ADD, a, &e) || pthread_create(&t, NULL, reader, NULL))
		return 1;
	if (fork() == 0) // expect: fork-event-never-read
		_exit(0);
	return 0;
}
