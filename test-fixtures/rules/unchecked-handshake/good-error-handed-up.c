// style: kernel selftest; an error of any number goes up through two functions before anything else is done
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int uffd = -1;
static char *area;

static int enable(void)
{
	struct uffdio_api api = { .api = UFFD_API };

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0)
		return errno;
	if (ioctl(uffd, UFFDIO_API, &api))
		return errno;
	return 0;
}

static int setup(const char **what)
{
	int error = enable();

	if (error) {
		*what = "userfaultfd";
		return error;
	}
	area = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED) {
		*what = "mmap";
		return -errno;
	}
	return 0;
}

int main(void)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	const char *what = "";

	if (setup(&what)) {
		perror(what);
		return 1;
	}
	reg.range.start = (unsigned long)area;
	reg.range.len = 4096;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg)) {
		perror("register");
		return 1;
	}
	return 0;
}
