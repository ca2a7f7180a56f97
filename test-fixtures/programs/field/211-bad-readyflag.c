// style: a library works when a flag says that it is ready
#include <fcntl.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/userfaultfd.h>

static int ready = 0;

void lib_init(void)
{
	ready = 1;
}

int lib_start(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffd_msg msg;
	int fd;

	if (!ready)
		return -1;
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return -1;
	while (read(fd, &msg, sizeof(msg)) == sizeof(msg))
		if (msg.event != UFFD_EVENT_PAGEFAULT) // expect: unhandled-fork-event
			continue;
	close(fd);
	return 0;
}
