// style: a file's own macros make its tests and what they register with
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MUST(condition) \
	do { \
		if (!(condition)) { \
			perror(#condition); \
			exit(1); \
		} \
	} while (0)

struct area {
	int uffd;
	char *start;
	size_t length;
};

/* A test gets an area that is armed, and leaves it to its caller. */
#define AREA_TEST(name, wanted) \
	static void name##_body(struct area *area); \
	static void test_##name(void) \
	{ \
		struct area area; \
		prepare(&area, wanted); \
		name##_body(&area); \
		close(area.uffd); \
		munmap(area.start, area.length); \
	} \
	static void name##_body(struct area *area)

static void prepare(struct area *area, __u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	area->length = (size_t)sysconf(_SC_PAGESIZE);
	area->start = mmap(NULL, area->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	MUST(area->start != MAP_FAILED);
	area->uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	MUST(area->uffd >= 0);
	MUST(ioctl(area->uffd, UFFDIO_API, &api) == 0);
	reg.range.start = (unsigned long)area->start;
	reg.range.len = area->length;
	MUST(ioctl(area->uffd, UFFDIO_REGISTER, &reg) == 0);
}

AREA_TEST(spawns, 0)
{
	pid_t pid = fork();

	MUST(pid >= 0);
	if (pid == 0)
		_exit(0);
	MUST(waitpid(pid, NULL, 0) == pid);
	MUST(area->start != NULL);
}

AREA_TEST(removes, UFFD_FEATURE_EVENT_REMOVE)
{
	MUST(madvise(area->start, area->length, MADV_NORMAL) == 0);
}

int main(void)
{
	test_spawns();
	test_removes();
	return 0;
}
