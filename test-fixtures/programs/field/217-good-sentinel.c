// style: UINT32_MAX stands for no child
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint32_t child_of(const struct uffd_msg *m)
{
	return m->event == UFFD_EVENT_FORK ? m->arg.fork.ufd : UINT32_MAX;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg m;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	while (read(fd, &m, sizeof m) == sizeof m) {
		uint32_t child = child_of(&m);

		if (child != UINT32_MAX)
			close(child);
	}
	return 0;
}
