// style: poll array with an exit pipe; the caller opens the monitor without enabling it
// observe: output revents 0x8
// observe: exit 1
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FD_UFFD, FD_QUIT, FD_COUNT };

struct monitor {
	int uffd;
	int quit[2];
	unsigned long faults;
};

static void monitor_open(struct monitor *m)
{
	if (pipe2(m->quit, O_CLOEXEC) < 0)
		err(1, "pipe2");
	m->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (m->uffd < 0)
		err(1, "userfaultfd");
}

static void monitor_enable(struct monitor *m)
{
	struct uffdio_api api = { .api = UFFD_API };

	if (ioctl(m->uffd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
}

static void *monitor_run(void *arg)
{
	struct monitor *m = arg;
	struct pollfd fds[FD_COUNT] = {
		[FD_UFFD] = { .fd = m->uffd, .events = POLLIN },
		[FD_QUIT] = { .fd = m->quit[0], .events = POLLIN },
	};
	struct uffd_msg msg;

	for (;;) {
		if (poll(fds, FD_COUNT, -1) < 0) // expect: missing-api-handshake
			err(1, "poll");
		if (fds[FD_QUIT].revents)
			return NULL;
		if (fds[FD_UFFD].revents & POLLERR)
			errx(1, "monitor: revents 0x%x", fds[FD_UFFD].revents);
		if (read(m->uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_PAGEFAULT)
			m->faults++;
	}
}

int main(int argc, char **argv)
{
	struct monitor m = { .uffd = -1 };
	pthread_t thread;

	(void)argv;
	monitor_open(&m);
	if (argc > 1)
		monitor_enable(&m);
	if (pthread_create(&thread, NULL, monitor_run, &m))
		errx(1, "pthread_create");
	usleep(100000);
	if (write(m.quit[1], "", 1) != 1)
		err(1, "write");
	pthread_join(thread, NULL);
	printf("%lu faults\n", m.faults);
	close(m.uffd);
	return 0;
}
