// style: the failure is only logged, but the program then works without a userfaultfd
// setup: drop-cap
// observe: errno EPERM UFFDIO_API
// observe: output eager: sum 0
// observe: exit 0
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

static int uffd = -1;
static bool lazy;

static void try_lazy(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
	if (uffd < 0)
		return;
	if (ioctl(uffd, UFFDIO_API, &api) == 0)
		lazy = true;
	else
		fprintf(stderr, "no lazy loading: %s\n", strerror(errno));
}

static int load(char *mem, size_t size)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)mem, .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (lazy)
		return ioctl(uffd, UFFDIO_REGISTER, &reg);
	memset(mem, 0, size);
	return 0;
}

int main(void)
{
	size_t size = 8 * sysconf(_SC_PAGESIZE);
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	long sum = 0;

	if (mem == MAP_FAILED)
		return 1;
	try_lazy();
	if (load(mem, size) < 0) {
		perror("load");
		return 1;
	}
	for (size_t i = 0; !lazy && i < size; i += 512)
		sum += mem[i];
	printf("%s: sum %ld\n", lazy ? "lazy" : "eager", sum);
	if (uffd >= 0)
		close(uffd);
	return 0;
}
