// style: the kernel's test harness: a test that takes the range out of the way before it forks
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"

FIXTURE(tracked)
{
	int tracker;
	void *memory;
	size_t length;
};

FIXTURE_VARIANT(tracked)
{
	int pages;
};

FIXTURE_VARIANT_ADD(tracked, small)
{
	.pages = 1,
};

FIXTURE_VARIANT_ADD(tracked, large)
{
	.pages = 64,
};

FIXTURE_SETUP(tracked)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };

	self->length = variant->pages * (size_t)getpagesize();
	self->memory = mmap(NULL, self->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
	self->tracker = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (self->tracker < 0)
		SKIP(return, "userfaultfd() is not there");
	ASSERT_TRUE(ioctl(self->tracker, UFFDIO_API, &api) == 0);
}

FIXTURE_TEARDOWN(tracked)
{
	ASSERT_EQ(0, munmap(self->memory, self->length));
	close(self->tracker);
}

static int track(int tracker, void *memory, size_t length)
{
	struct uffdio_register reg = {
		.range = { .start = (unsigned long)memory, .len = length },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	return ioctl(tracker, UFFDIO_REGISTER, &reg);
}

static int forget(int tracker, void *memory, size_t length)
{
	struct uffdio_range range = { .start = (unsigned long)memory, .len = length };

	return ioctl(tracker, UFFDIO_UNREGISTER, &range);
}

TEST_F(tracked, child_sees_its_own)
{
	int status;
	pid_t pid;

	ASSERT_EQ(0, track(self->tracker, self->memory, self->length));
	ASSERT_EQ(0, forget(self->tracker, self->memory, self->length));
	pid = fork();
	ASSERT_NE(-1, pid);
	if (!pid)
		_exit(0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
}

TEST_F(tracked, nothing_is_armed)
{
	int status;
	pid_t pid = fork();

	ASSERT_NE(-1, pid);
	if (!pid)
		_exit(0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
}

TEST_HARNESS_MAIN
