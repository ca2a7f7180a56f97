// style: table of features, each enabled by a request of its own
// observe: errno EINVAL UFFDIO_API
// observe: output cannot enable thread-id
// observe: exit 1
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static const struct feature {
	const char *name;
	uint64_t bit;
} features[] = {
	{ "exact-address", UFFD_FEATURE_EXACT_ADDRESS },
	{ "thread-id", UFFD_FEATURE_THREAD_ID },
	{ "sigbus", UFFD_FEATURE_SIGBUS },
};

#define NR_FEATURES (sizeof(features) / sizeof(features[0]))

static int uffd;

static void enable_features(void)
{
	for (size_t i = 0; i < NR_FEATURES; i++) {
		struct uffdio_api api = { .api = UFFD_API, .features = features[i].bit };

		if (ioctl(uffd, UFFDIO_API, &api) < 0) // expect: repeated-handshake
			err(1, "cannot enable %s", features[i].name);
	}
}

static void watch(void *addr, size_t len)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)addr, len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
}

int main(void)
{
	size_t len = 4 * sysconf(_SC_PAGESIZE);
	void *addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (addr == MAP_FAILED)
		err(1, "mmap");
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0)
		err(1, "userfaultfd");
	enable_features();
	watch(addr, len);
	printf("enabled %zu features\n", NR_FEATURES);
	close(uffd);
	return 0;
}
