// style: children are stored as their complement, so that a zeroed slot is empty
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int slot[8], n;	/* ~descriptor: a zeroed slot is empty */

static void on(const struct uffd_msg *m)
{
	if (m->event == UFFD_EVENT_FORK) {
		int c = m->arg.fork.ufd;

		if (n < 8)
			slot[n++] = ~c;
		else
			close(c);
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg m;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	while (read(fd, &m, sizeof m) == sizeof m)
		on(&m);
	return 0;
}
