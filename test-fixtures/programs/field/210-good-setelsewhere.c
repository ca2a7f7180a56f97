// style: a library requests fork events where its user has said so
/* library: fork events are an option that the user sets before pager_run() */
#include <fcntl.h>
#include <stdbool.h>
#include <sys/wait.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <linux/userfaultfd.h>

static bool follow_forks = false;

void pager_follow_forks(bool on)
{
	follow_forks = on;
}

int pager_run(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffd_msg msg;
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (follow_forks)
		api.features |= UFFD_FEATURE_EVENT_FORK;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return -1;
	while (read(fd, &msg, sizeof(msg)) == sizeof(msg))
		if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd);
	close(fd);
	return 0;
}
