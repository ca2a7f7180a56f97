// style: a library keeps its descriptor in a variable with an initialiser
#include <fcntl.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/userfaultfd.h>

static int uffd = -1;

int pager_open(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	return uffd < 0 || ioctl(uffd, UFFDIO_API, &api) ? -1 : 0;
}

int pager_poll(void)
{
	struct uffd_msg msg;

	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		return -1;
	return msg.event == UFFD_EVENT_PAGEFAULT; // expect: unhandled-fork-event
}
