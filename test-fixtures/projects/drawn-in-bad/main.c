#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "util.h"

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	void *area;

	if (uffd < 0)
		die("userfaultfd");
	xioctl(uffd, UFFDIO_API, &api);
	area = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		die("mmap");
	reg.range.start = (uintptr_t)area;
	reg.range.len = 65536;
	xioctl(uffd, UFFDIO_REGISTER, &reg);
	printf("%u\n", checksum("worker"));
	if (spawn_worker() < 0)
		die("fork");
	wait(NULL);
	close(uffd);
	return 0;
}
