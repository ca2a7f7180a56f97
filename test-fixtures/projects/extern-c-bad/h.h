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

	return fd < 0 ? -1 : ioctl(fd, UFFDIO_WAKE, &r); // expect: missing-api-handshake
}


#ifdef __cplusplus
}
#endif
