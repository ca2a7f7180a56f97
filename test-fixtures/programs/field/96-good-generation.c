// style: peers with a generation number
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
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
struct peer { int fd, gen; } peer[8];
static int n;
static int attach(int fd, int gen)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };

	if (gen == 0 && ioctl(fd, UFFDIO_API, &api))
		return -1;
	if (n == 8)
		return -1;
	peer[n].fd = fd;
	peer[n].gen = gen;
	n++;
	return 0;
}
int main(void)
{
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK), i;
	struct uffd_msg m;

	if (fd < 0 || attach(fd, 0))
		return 1;
	for (;;)
		for (i = 0; i < n; i++)
			if (read(peer[i].fd, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK)
				if (attach(m.arg.fork.ufd, peer[i].gen + 1) < 0)
					close(m.arg.fork.ufd);
}
