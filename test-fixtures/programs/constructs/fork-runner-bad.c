// style: a test runner that forks for each case through a table of functions; one case arms memory for all others
// observe: fork-blocked
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
#include <sys/wait.h>
#include <unistd.h>

static int uffd = -1;
static char *buffer;
static size_t length;

#define EXPECT(condition)                                                      \
	do {                                                                   \
		if (!(condition)) {                                            \
			printf("  %s:%d: %s (%s)\n", __func__, __LINE__,       \
			       #condition, strerror(errno));                   \
			return 1;                                              \
		}                                                              \
	} while (0)

static int test_open(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };

	uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	EXPECT(uffd >= 0);
	EXPECT(ioctl(uffd, UFFDIO_API, &api) == 0);
	return 0;
}

static int test_register(void)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)buffer, .len = length },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	EXPECT(ioctl(uffd, UFFDIO_REGISTER, &reg) == 0);
	EXPECT(reg.ioctls & (1ull << _UFFDIO_ZEROPAGE));
	return 0;
}

static int test_child_is_clean(void)
{
	return buffer[0] != 0;
}

/* Runs a test in a process of its own, so that a crash is one failure. */
static int isolated(int (*test)(void))
{
	int status;
	pid_t pid = fork(); // expect: fork-event-never-read

	if (pid < 0)
		return 1;
	if (pid == 0)
		_exit(test());
	if (waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
		return 1;
	return WEXITSTATUS(status);
}

static const struct {
	const char *name;
	int (*run)(void);
	int own_process;
} tests[] = {
	{ "open", test_open, 0 },
	{ "register", test_register, 0 },
	{ "child is clean", test_child_is_clean, 1 },
};

int main(void)
{
	size_t i;

	length = 2 * sysconf(_SC_PAGESIZE);
	buffer = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (buffer == MAP_FAILED)
		return 1;
	setvbuf(stdout, NULL, _IOLBF, 0);
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		int failed = tests[i].own_process ? isolated(tests[i].run) : tests[i].run();

		printf("%s %s\n", failed ? "not ok" : "ok", tests[i].name);
		if (failed) {
			puts("Bail out!");
			return 1;
		}
	}
	return 0;
}
