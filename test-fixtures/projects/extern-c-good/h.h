#ifdef __cplusplus
extern "C" {
#endif
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int open_it(void)
{
	struct uffdio_range r = { 0, 4096 };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	struct uffdio_api api = { .api = UFFD_API };

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return -1;
	return ioctl(fd, UFFDIO_WAKE, &r);
}


#ifdef __cplusplus
}
#endif
