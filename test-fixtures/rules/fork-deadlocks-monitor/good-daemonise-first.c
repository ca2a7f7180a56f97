// style: kernel selftest; the monitor detaches itself with daemon() before it opens anything
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define err(fmt, ...)                                                          \
	do {                                                                   \
		fprintf(stderr, "ERROR: " fmt " (errno=%d, @%s:%d)\n", ##__VA_ARGS__, errno, \
			__FILE__, __LINE__);                                   \
		exit(1);                                                       \
	} while (0)

static unsigned long nr_pages = 4, page_size;
static int uffd = -1;
static char *area_dst;

static void uffd_test_ctx_init(uint64_t features)
{
	struct uffdio_api uffdio_api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = { 0 };

	area_dst = mmap(NULL, nr_pages * page_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area_dst == MAP_FAILED)
		err("mmap of anonymous memory failed");
	uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0)
		err("userfaultfd syscall not available in this kernel");
	if (ioctl(uffd, UFFDIO_API, &uffdio_api))
		err("UFFDIO_API");
	reg.range.start = (unsigned long)area_dst;
	reg.range.len = nr_pages * page_size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		err("register failure");
}

static void uffd_poll_once(int timeout)
{
	struct pollfd pollfd = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;

	if (poll(&pollfd, 1, timeout) <= 0)
		return;
	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		return;
	switch (msg.event) {
	case UFFD_EVENT_FORK:
		close(msg.arg.fork.ufd);
		break;
	case UFFD_EVENT_PAGEFAULT:
		err("nobody may touch the area here");
	default:
		err("unexpected msg event %u", msg.event);
	}
}

int main(void)
{
	page_size = sysconf(_SC_PAGE_SIZE);
	if (daemon(1, 1))
		err("daemon");
	uffd_test_ctx_init(UFFD_FEATURE_EVENT_FORK);
	for (int i = 0; i < 5; i++)
		uffd_poll_once(50);
	close(uffd);
	return 0;
}
