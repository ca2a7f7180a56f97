// style: CRIU; the error is printed in a chain of checks with a goto each, and one goto is missing
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

#define pr_perror(fmt, ...) fprintf(stderr, "Error: " fmt ": %s\n", ##__VA_ARGS__, strerror(errno))
#define NEED_UFFD_API_FEATURES (UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP)

struct lazy_pages_info {
	int pid;
	int uffd;
	unsigned long start, len;
	struct lazy_pages_info *next;
};

static struct lazy_pages_info *lpis;

static int uffd_open(int flags, uint64_t features)
{
	struct uffdio_api api = { 0 };
	int uffd;

	uffd = syscall(SYS_userfaultfd, flags | UFFD_USER_MODE_ONLY);
	if (uffd == -1) {
		pr_perror("Lazy pages are not available");
		return -1;
	}

	api.api = UFFD_API;
	api.features = features;
	if (ioctl(uffd, UFFDIO_API, &api)) { // expect: unchecked-handshake
		pr_perror("Failed to get uffd API");
	}
	return uffd;
}

static int setup_uffd(int pid, unsigned long start, unsigned long len)
{
	struct uffdio_register reg = { 0 };
	struct lazy_pages_info *lpi;

	lpi = calloc(1, sizeof(*lpi));
	if (!lpi)
		return -1;
	lpi->pid = pid;
	lpi->start = start;
	lpi->len = len;
	lpi->uffd = uffd_open(O_CLOEXEC | O_NONBLOCK, NEED_UFFD_API_FEATURES);
	if (lpi->uffd < 0)
		goto err_free;

	reg.range.start = start;
	reg.range.len = len;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(lpi->uffd, UFFDIO_REGISTER, &reg)) {
		pr_perror("Failed to register [%lx-%lx]", start, start + len);
		goto err_close;
	}
	lpi->next = lpis;
	lpis = lpi;
	return 0;

err_close:
	close(lpi->uffd);
err_free:
	free(lpi);
	return -1;
}

int main(void)
{
	size_t len = 4 * sysconf(_SC_PAGESIZE);
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		return 1;
	if (setup_uffd(getpid(), (unsigned long)mem, len))
		return 1;
	printf("lazy pages for %d\n", lpis->pid);
	close(lpis->uffd);
	free(lpis);
	return 0;
}
