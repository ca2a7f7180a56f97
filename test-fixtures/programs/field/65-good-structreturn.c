#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
struct res { int fd; int err; };
static struct res make(void)
{
	struct res r = { .fd = syscall(SYS_userfaultfd, O_CLOEXEC) };

	return r;
}
int main(int argc, char **argv)
{
	struct uffdio_range range = { (unsigned long)argv & -4096ul, 4096 };
	struct res r = make();

	if (r.fd < 0)
		return 1;
	struct uffdio_api api = { .api = UFFD_API };
	if (ioctl(r.fd, UFFDIO_API, &api))
		return 1;
	return ioctl(r.fd, UFFDIO_WAKE, &range);
}
