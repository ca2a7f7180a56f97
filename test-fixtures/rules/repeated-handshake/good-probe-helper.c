// style: CRIU; a check for support opens and closes a descriptor of its own
// observe: output features 0x
// observe: uffd-left 0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define pr_err(fmt, ...) fprintf(stderr, "Error: " fmt "\n", ##__VA_ARGS__)

struct kerndat {
	uint64_t uffd_features;
	bool has_fork_events;
};

static struct kerndat kdat;

static int open_uffd(void)
{
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		pr_err("userfaultfd: %s", strerror(errno));
	return fd;
}

static int kerndat_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int fd = open_uffd();

	if (fd < 0)
		return -1;
	if (ioctl(fd, UFFDIO_API, &api)) {
		pr_err("no userfaultfd API");
		close(fd);
		return -1;
	}
	close(fd);
	kdat.uffd_features = api.features;
	kdat.has_fork_events = api.features & UFFD_FEATURE_EVENT_FORK;
	return 0;
}

static int enable(int fd)
{
	struct uffdio_api api = { .api = UFFD_API };

	if (kdat.has_fork_events)
		api.features |= UFFD_FEATURE_EVENT_FORK;
	if (ioctl(fd, UFFDIO_API, &api)) {
		pr_err("cannot enable: %s", strerror(errno));
		return -1;
	}
	return 0;
}

int main(void)
{
	int ret = 1;
	int fd;

	if (kerndat_uffd())
		return 1;
	fd = open_uffd();
	if (fd < 0)
		return 1;
	if (enable(fd))
		goto out;
	printf("features 0x%llx\n", (unsigned long long)kdat.uffd_features);
	ret = 0;
out:
	close(fd);
	return ret;
}
