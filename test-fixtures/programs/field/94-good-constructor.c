// style: an object that its constructor fills and returns either way
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
struct as { int fd, st; };
static struct as *as_new(int fd, int st)
{
	struct as *a = malloc(sizeof *a);

	if (a) {
		a->fd = fd;
		a->st = st;
	}
	return a;
}
static int as_prepare(struct as *a)
{
	struct uffdio_api api = { .api = UFFD_API };

	if (a->st == 0) {
		if (ioctl(a->fd, UFFDIO_API, &api))
			return -1;
		a->st = 1;
	}
	return 0;
}
int main(void)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct as *r;
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || p == MAP_FAILED)
		return 1;
	r = as_new(fd, 0);
	if (!r || as_prepare(r))
		return 1;
	reg.range.start = (uintptr_t)p;
	reg.range.len = 4096;
	return ioctl(fd, UFFDIO_REGISTER, &reg);
}
