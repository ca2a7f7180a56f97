// style: the kernel's test harness, whose header lies elsewhere: fixtures, tests and assertions are macros
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../kselftest_harness.h"

FIXTURE(fork_event)
{
	int fd;
	char *area;
	long page;
	pthread_t reader;
};

static void *read_events(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		switch (msg.event) { // expect: unhandled-fork-event
		case UFFD_EVENT_FORK:
			break;
		default:
			return NULL;
		}
	}
	return NULL;
}

FIXTURE_SETUP(fork_event)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	self->page = sysconf(_SC_PAGESIZE);
	self->fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	ASSERT_GE(self->fd, 0);
	ASSERT_EQ(0, ioctl(self->fd, UFFDIO_API, &api));
	self->area = mmap(NULL, self->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->area);
	reg.range.start = (unsigned long)self->area;
	reg.range.len = self->page;
	ASSERT_EQ(0, ioctl(self->fd, UFFDIO_REGISTER, &reg));
	ASSERT_EQ(0, pthread_create(&self->reader, NULL, read_events, &self->fd));
}

FIXTURE_TEARDOWN(fork_event)
{
	close(self->fd);
	munmap(self->area, self->page);
}

TEST_F(fork_event, child_exits)
{
	int status;
	pid_t pid = fork();

	ASSERT_GE(pid, 0);
	if (pid == 0)
		_exit(0);
	ASSERT_EQ(pid, waitpid(pid, &status, 0));
	EXPECT_EQ(0, status);
}

TEST_HARNESS_MAIN
