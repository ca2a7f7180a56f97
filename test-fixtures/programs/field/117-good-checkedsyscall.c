// style: a wrapper of syscall() that is not shown
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <fcntl.h>
int main(void)
{
	struct uffdio_register reg = { .mode = 1 };
	int fd = tst_syscall(__NR_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &(struct uffdio_api){ .api = UFFD_API }))
		return 1;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		return 1;
	return 0;
}
