// style: the helper returns the result, its caller tests it; the descriptor is in a thread argument
// setup: drop-cap
// observe: errno EPERM UFFDIO_API
// observe: output handshake: Operation not permitted
// observe: exit 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct monitor_args {
	int uffd;
	int stop_fd;
	int failed;
};

static int uffd_negotiate(int uffd, __u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	return ioctl(uffd, UFFDIO_API, &api);
}

static void *monitor_main(void *data)
{
	struct monitor_args *args = data;
	struct pollfd fds[2] = {
		{ .fd = args->uffd, .events = POLLIN },
		{ .fd = args->stop_fd, .events = POLLIN },
	};
	struct uffd_msg msg;

	while (poll(fds, 2, -1) > 0) {
		if (fds[0].revents & POLLERR) {
			fprintf(stderr, "monitor: poll error 0x%x\n", fds[0].revents);
			args->failed = 1;
			break;
		}
		if (fds[1].revents)
			break;
		if (read(args->uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd);
	}
	return NULL;
}

int main(void)
{
	struct monitor_args args = { 0 };
	pthread_t thread;
	int stop[2];

	args.uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (args.uffd < 0) {
		perror("userfaultfd");
		return 1;
	}
	if (uffd_negotiate(args.uffd, UFFD_FEATURE_EVENT_FORK) < 0) {
		perror("handshake");
		close(args.uffd);
		return 1;
	}
	if (pipe2(stop, O_CLOEXEC) < 0)
		return 1;
	args.stop_fd = stop[0];
	if (pthread_create(&thread, NULL, monitor_main, &args))
		return 1;
	usleep(50000);
	close(stop[1]);
	pthread_join(thread, NULL);
	close(args.uffd);
	return args.failed;
}
