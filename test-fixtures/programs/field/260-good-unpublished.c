// style: a record for each child is published in a table; there may be no slot left

#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct mm { int ufd; };
static struct mm *live[6];

static struct mm *mm_new(int ufd)
{
	struct mm *m = malloc(sizeof *m);

	if (!m) {
		close(ufd);
		return NULL;
	}
	m->ufd = ufd;
	return m;
}

static int mm_publish(struct mm *m)
{
	for (int i = 0; i < 6; i++)
		if (!live[i]) {
			live[i] = m;
			return 0;
		}
	return -1;
}

static int on_fork(int ufd)
{
	struct mm *m = mm_new(ufd);

	if (!m)
		return -1;
	if (mm_publish(m) < 0) {
		close(m->ufd);
		free(m);
		return -1;
	}
	return 0;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg msg;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	while (read(fd, &msg, sizeof msg) == sizeof msg)
		if (msg.event == UFFD_EVENT_FORK)
			on_fork(msg.arg.fork.ufd);
	return 0;
}
