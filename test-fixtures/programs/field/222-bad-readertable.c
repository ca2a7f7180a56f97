// style: a thread removes children from a local table while it reads, and leaves the rest behind
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int uffd;

static void *reader(void *arg)
{
	int kids[8], n = 0;
	struct pollfd p = { uffd, POLLIN, 0 };
	struct uffd_msg msg;

	while (poll(&p, 1, 1000) > 0) {
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			break;
		if (msg.event == UFFD_EVENT_FORK && n < 8)
			kids[n++] = msg.arg.fork.ufd;
		else if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd);
		if (msg.event == UFFD_EVENT_REMOVE && n > 0)
			close(kids[--n]);
	}
	return arg; // expect: leaked-child-uffd
}

int main(void)
{
	struct uffdio_api api = {
		.api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE,
	};
	pthread_t t;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	if (pthread_create(&t, NULL, reader, NULL))
		return 1;
	return pthread_join(t, NULL);
}
