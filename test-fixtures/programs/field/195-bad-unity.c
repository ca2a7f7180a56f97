// style: Unity, whose header is not given: setUp() makes what the tests use
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "unity.h"

static int uffd;
static char *memory;
static size_t length;

void setUp(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	length = (size_t)sysconf(_SC_PAGESIZE);
	memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	TEST_ASSERT_NOT_EQUAL(MAP_FAILED, memory);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	TEST_ASSERT_GREATER_OR_EQUAL_INT(0, uffd);
	TEST_ASSERT_EQUAL_INT(0, ioctl(uffd, UFFDIO_API, &api));
	reg.range.start = (unsigned long)memory;
	reg.range.len = length;
	TEST_ASSERT_EQUAL_INT(0, ioctl(uffd, UFFDIO_REGISTER, &reg));
}

void tearDown(void)
{
	close(uffd);
	munmap(memory, length);
}

static void test_child_exits(void)
{
	pid_t pid = fork(); // expect: fork-event-never-read

	TEST_ASSERT_GREATER_OR_EQUAL_INT(0, pid);
	if (pid == 0)
		_exit(0);
	TEST_ASSERT_EQUAL_INT(pid, waitpid(pid, NULL, 0));
}

static void test_nothing(void)
{
	TEST_ASSERT_NOT_NULL(memory);
}

int main(void)
{
	UNITY_BEGIN();
	RUN_TEST(test_child_exits);
	RUN_TEST(test_nothing);
	return UNITY_END();
}
