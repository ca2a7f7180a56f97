#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	union { struct uffd_msg msg; char raw[sizeof(struct uffd_msg)]; } u;

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	while (read(uffd, u.raw, sizeof u) == sizeof u)
		switch (u.msg.event) { // expect: unhandled-fork-event
		case UFFD_EVENT_FORK:
			break;
		case UFFD_EVENT_PAGEFAULT:
			return u.msg.arg.pagefault.address == 0;
		}
	return 0;
}
