#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "state.h"
static void loop(void)
{
	struct uffd_msg m;

	while (read(state_get(), &m, sizeof(m)) == sizeof(m))
		if (m.event == UFFD_EVENT_FORK)
			state_keep(m.arg.fork.ufd);
}
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	state_set(fd);
	loop();
	return 0;
}
