// style: events that the program only speaks of, through functions that are not shown
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <fcntl.h>
int main(void)
{
	struct uffd_msg msg;
	struct uffdio_api api = { .api = UFFD_API };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		switch (msg.event) {
		case UFFD_EVENT_PAGEFAULT:
			break;
		case UFFD_EVENT_REMAP:
			report_event("unexpected remap\n");
			break;
		case UFFD_EVENT_REMOVE:
			fatal("unexpected event %d\n", msg.event);
			break;
		case UFFD_EVENT_FORK: // expect: missing-feature
			adopt(msg.arg.fork.ufd);
			break;
		}
	}
	return 0;
}
