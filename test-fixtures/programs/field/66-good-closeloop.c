#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct { int fd; struct pollfd *pfd; size_t len; } s;

static void *reader(void *arg)
{
	struct uffd_msg msg;

	while (poll(s.pfd, s.len, -1) > 0) {
		if (read(s.fd, &msg, sizeof msg) != sizeof msg || msg.event != UFFD_EVENT_FORK)
			continue;
		s.pfd[s.len++].fd = msg.arg.fork.ufd;
	}
	for (size_t i = 1; i < s.len; i++)
		close(s.pfd[i].fd);
	free(s.pfd);
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	pthread_t t;

	s.fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	s.pfd = calloc(64, sizeof *s.pfd);
	s.len = 1;
	if (!s.pfd || s.fd < 0 || ioctl(s.fd, UFFDIO_API, &api))
		return 1;
	s.pfd[0] = (struct pollfd) { .fd = s.fd, .events = POLLIN };
	pthread_create(&t, NULL, reader, NULL);
	pthread_join(t, NULL);
	return 0;
}
