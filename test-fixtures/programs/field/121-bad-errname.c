// style: kernel selftest, a variable beside the macro of its name
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define err(fmt, ...)                                             \
	do {                                                      \
		int ret = errno;                                  \
		fprintf(stderr, "ERROR: " fmt, ##__VA_ARGS__);    \
		fprintf(stderr, " (errno=%d)\n", ret);            \
		exit(1);                                          \
	} while (0)

static size_t page_size;
static char *area;
static int uffd = -1;

static void *monitor(void *arg)
{
	struct pollfd pollfd = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;
	int err = 0;

	for (;;) {
		if (poll(&pollfd, 1, -1) < 0)
			err("poll");
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg)) {
			if (errno == EAGAIN)
				continue;
			err("read");
		}
		switch (msg.event) {
		case UFFD_EVENT_PAGEFAULT: {
			struct uffdio_zeropage z = {
				.range = { .start = msg.arg.pagefault.address & ~(page_size - 1), .len = page_size },
			};

			err = ioctl(uffd, UFFDIO_ZEROPAGE, &z);
			if (err)
				err("zeropage");
			break;
		}
		case UFFD_EVENT_FORK:
			err = close(msg.arg.fork.ufd);
			(*(int *)arg)++;
			break;
		default:
			err("unexpected event %u", msg.event);
		}
		if (err)
			err("event %u", msg.event);
	}
	return NULL;
}

static int events_test(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg;
	pthread_t thread;
	int err, status, children = 0;
	pid_t pid;

	uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0)
		err("userfaultfd");
	if (ioctl(uffd, UFFDIO_API, &api))
		err("UFFDIO_API");
	memset(&reg, 0, sizeof(reg));
	reg.range.start = (unsigned long)area;
	reg.range.len = page_size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		err("register failure");
	pid = fork(); // expect: fork-event-never-read
	if (pid < 0)
		err("fork");
	if (!pid)
		_exit(0);
	err = pthread_create(&thread, NULL, monitor, &children);
	if (err)
		err("monitor: %s", strerror(err));
	waitpid(pid, &status, 0);
	return status != 0;
}

int main(void)
{
	page_size = sysconf(_SC_PAGESIZE);
	area = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		err("mmap");
	return events_test();
}
