#include <fcntl.h>
#include <stdlib.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg *v = malloc(8 * sizeof *v);
	ssize_t n;
	if (!v || fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	while ((n = read(fd, v, 8 * sizeof *v)) > 0) {
		size_t k = (size_t)n / sizeof *v;
		while (k) {
			struct uffd_msg *m = &v[--k];
			if (m->event == UFFD_EVENT_FORK)
				close(m->arg.fork.ufd);
		}
	}
	return 0;
}
