// style: kernel selftest; a negative test of the handshake ends in the clean-up whatever the kernel says
// observe: errno EINVAL UFFDIO_API
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int failures;

#define uffd_test_fail(...) do { printf("failed: "); printf(__VA_ARGS__); failures++; } while (0)

static void test_api(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0)
		return;
	if (ioctl(uffd, UFFDIO_API, &api)) {
		uffd_test_fail("UFFDIO_API should succeed but failed");
		goto out;
	}
	api.features = UFFD_FEATURE_MISSING_SHMEM;
	if (ioctl(uffd, UFFDIO_API, &api) == 0) {
		uffd_test_fail("UFFDIO_API should reject initialized uffd");
		goto out;
	}
	puts("pass");
out:
	close(uffd);
}

int main(void)
{
	test_api();
	return failures != 0;
}
