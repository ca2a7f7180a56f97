// style: two tests of one fixture, whose set-up starts the reader; each test runs in a process of its own
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

FIXTURE(watched)
{
	int uffd;
	char *memory;
	size_t length;
	pthread_t reader;
};

static void *serve(void *data)
{
	FIXTURE_DATA(watched) *self = data;
	struct uffd_msg msg;

	while (read(self->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_zeropage zero = { .range = { (unsigned long)self->memory, self->length } };

		if (msg.event == UFFD_EVENT_FORK) {
			close((int)msg.arg.fork.ufd);
			continue;
		}
		if (fork() == 0) // expect: fork-deadlocks-monitor
			_exit(0);
		ioctl(self->uffd, UFFDIO_ZEROPAGE, &zero);
	}
	return NULL;
}

FIXTURE_SETUP(watched)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	self->length = (size_t)sysconf(_SC_PAGESIZE);
	self->memory = mmap(NULL, self->length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ASSERT_NE(MAP_FAILED, self->memory);
	self->uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	ASSERT_LE(0, self->uffd);
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_API, &api));
	reg.range.start = (unsigned long)self->memory;
	reg.range.len = self->length;
	ASSERT_EQ(0, ioctl(self->uffd, UFFDIO_REGISTER, &reg));
	ASSERT_EQ(0, pthread_create(&self->reader, NULL, serve, self));
}

FIXTURE_TEARDOWN(watched)
{
	pthread_cancel(self->reader);
	pthread_join(self->reader, NULL);
	close(self->uffd);
	munmap(self->memory, self->length);
}

TEST_F(watched, first)
{
	ASSERT_EQ(0, self->memory[0]);
}

TEST_F(watched, second)
{
	ASSERT_EQ(0, self->memory[self->length - 1]);
}

TEST_HARNESS_MAIN
