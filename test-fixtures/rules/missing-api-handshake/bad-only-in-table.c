// style: test table; nobody here calls the function that the table names
// observe: errno EINVAL UFFDIO_REGISTER
// observe: exit 1
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct testcase {
	const char *name;
	int (*run)(void);
};

static int run_register(void)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || p == MAP_FAILED)
		return -1;
	reg.range.start = (uintptr_t)p;
	reg.range.len = 4096;
	return ioctl(fd, UFFDIO_REGISTER, &reg); // expect: missing-api-handshake
}

static int run_nothing(void)
{
	return 0;
}

static const struct testcase tests[] = {
	{ "nothing", run_nothing },
	{ "nothing again", run_nothing },
	{ "register", run_register },
};

int main(void)
{
	size_t i;
	int bad = 0;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		if (tests[i].run() != 0) {
			fprintf(stderr, "%s failed\n", tests[i].name);
			bad = 1;
		}
	}
	return bad;
}
