#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;
static int uffd, kid = -1;

static void *monitor(void *arg)
{
	char *argv[] = { "/bin/true", NULL };
	struct uffd_msg msg;
	static pid_t pid;

	for (;;) {
		struct pollfd p[2] = { { uffd, POLLIN, 0 }, { kid, POLLIN, 0 } };

		poll(p, 2, -1);
		for (int i = 0; i < 2; i++) {
			if (!p[i].revents || read(p[i].fd, &msg, sizeof msg) != sizeof msg)
				continue;
			if (msg.event == UFFD_EVENT_FORK) {
				if (kid >= 0)
					close(kid);
				kid = msg.arg.fork.ufd;
			} else if (argv[0] && environ) {
				waitpid(pid, NULL, 0); // expect: fork-deadlocks-monitor
			}
		}
	}
	return arg;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	pthread_t t;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || pthread_create(&t, NULL, monitor, NULL))
		return 1;
	pthread_join(t, NULL);
	return 0;
}
