// style: a select() loop
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
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
int main(void)
{
	int fd = setup(UFFD_FEATURE_EVENT_FORK);
	struct uffd_msg m;
	fd_set rd;

	for (;;) {
		FD_ZERO(&rd);
		FD_SET(fd, &rd);
		if (select(fd + 1, &rd, NULL, NULL, NULL) < 0)
			continue;
		if (read(fd, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK)
			close(m.arg.fork.ufd);
		if (fork() == 0) // expect: fork-deadlocks-monitor
			_exit(0);
	}
}
