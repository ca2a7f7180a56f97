/*
 * Tells whether the kernel suite can run here. Exits with 0 if it can, with 77 and the reason on standard output if the
 * kernel refuses what every fixture needs. Anything else is a failure of the probe, and proves nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int lacking(const char *what)
{
	printf("%s: %s\n", what, strerror(errno));
	return 77;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t page = sysconf(_SC_PAGESIZE);
	void *mem = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd == -1)
		return lacking("userfaultfd(2)");
	if (mem == MAP_FAILED)
		return 1;
	if (ioctl(uffd, UFFDIO_API, &api) == -1)
		return lacking("UFFDIO_API with UFFD_FEATURE_EVENT_FORK");
	reg.range = (struct uffdio_range){ (unsigned long)mem, page };
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
		return lacking("UFFDIO_REGISTER");
	return 0;
}
