// style: kernel selftest; after EPERM a fresh descriptor replaces the refused one, and nobody enables it
// setup: drop-cap
// observe: errno EPERM UFFDIO_API
// observe: errno EINVAL UFFDIO_REGISTER
// observe: exit 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define _err(fmt, ...)                                                         \
	do {                                                                   \
		int ret = errno;                                               \
		fprintf(stderr, "ERROR: " fmt, ##__VA_ARGS__);                 \
		fprintf(stderr, " (errno=%d, @%s:%d)\n", ret, __FILE__, __LINE__); \
	} while (0)

#define err(fmt, ...)                                                          \
	do {                                                                   \
		_err(fmt, ##__VA_ARGS__);                                      \
		exit(1);                                                       \
	} while (0)

static int uffd = -1;
static int fork_events;
static unsigned long nr_pages = 8, page_size;
static char *area_dst;

static int userfaultfd_new(void)
{
	return syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
}

static void userfaultfd_open(uint64_t features)
{
	struct uffdio_api uffdio_api;

	uffd = userfaultfd_new();
	if (uffd < 0)
		err("userfaultfd syscall not available in this kernel");
	uffdio_api.api = UFFD_API;
	uffdio_api.features = features;
	if (ioctl(uffd, UFFDIO_API, &uffdio_api) == 0) {
		fork_events = 1;
		return;
	}
	if (errno != EPERM)
		err("UFFDIO_API failed");

	/* No CAP_SYS_PTRACE: do without fork events. */
	close(uffd);
	uffd = userfaultfd_new();
	if (uffd < 0)
		err("userfaultfd");
}

static void register_area(void)
{
	struct uffdio_register reg = { 0 };

	reg.range.start = (unsigned long)area_dst;
	reg.range.len = nr_pages * page_size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg)) // expect: missing-api-handshake
		err("register failure");
}

int main(void)
{
	page_size = sysconf(_SC_PAGE_SIZE);
	area_dst = mmap(NULL, nr_pages * page_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area_dst == MAP_FAILED)
		err("mmap");
	userfaultfd_open(UFFD_FEATURE_EVENT_FORK);
	register_area();
	printf("registered, fork events %s\n", fork_events ? "on" : "off");
	close(uffd);
	return 0;
}
