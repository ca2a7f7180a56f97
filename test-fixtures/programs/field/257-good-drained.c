// style: all that waits is read into one element after the other, and looked at in a second loop
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void drain(int fd)
{
	struct uffd_msg m[8];
	int n = 0;

	while (n < 8 && read(fd, &m[n], sizeof(m[n])) == sizeof(m[n]))
		n++;
	for (int i = 0; i < n; i++)
		if (m[i].event == UFFD_EVENT_FORK)
			close(m[i].arg.fork.ufd);
}

static void drain_two(int fd)
{
	struct uffd_msg m[2];
	int n = 0;

	if (read(fd, &m[0], sizeof(m[0])) == sizeof(m[0]))
		n = 1;
	if (n == 1 && read(fd, &m[1], sizeof(m[1])) == sizeof(m[1]))
		n = 2;
	for (int i = 0; i < n; i++) {
		switch (m[i].event) {
		case UFFD_EVENT_FORK:
			close(m[i].arg.fork.ufd);
			break;
		}
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	for (;;) {
		drain(fd);
		drain_two(fd);
	}
}
