// style: a type as an argument of a macro, far behind the comma
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

int pager(struct array *remotes)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffd_msg msg;
	int fd = syscall(SYS_userfaultfd, 0);
	struct remote *r = &g_array_index(remotes,
                                                 struct remote, 0);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return -1;
	while (read(fd, &msg, sizeof(msg)) == sizeof(msg))
		if (msg.event != UFFD_EVENT_PAGEFAULT) // expect: unhandled-fork-event
			continue;
	return r->fd;
}
