#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	pid_t helper = fork();		/* before anything is armed */
	int fd, kid = -1;
	struct uffd_msg m;

	if (helper == 0) {
		pause();
		_exit(0);
	}
	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	for (;;) {
		struct pollfd p[2] = { { fd, POLLIN, 0 }, { kid, POLLIN, 0 } };

		poll(p, 2, -1);
		for (int i = 0; i < 2; i++) {
			if (!p[i].revents || read(p[i].fd, &m, sizeof m) != sizeof m)
				continue;
			if (m.event == UFFD_EVENT_FORK) {
				if (kid >= 0)
					close(kid);
				kid = m.arg.fork.ufd;
			} else if (helper > 0) {
				kill(helper, SIGKILL);
				waitpid(helper, NULL, 0);
				helper = 0;
			}
		}
	}
}
