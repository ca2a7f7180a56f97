// style: assertions whose headers are not given, and a reader
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "test_util.h"

static int open_uffd(__u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	TEST_ASSERT(fd >= 0, "userfaultfd() gives %d", fd);
	TEST_ASSERT(!ioctl(fd, UFFDIO_API, &api), "the handshake is refused");
	return fd;
}

static void arm(int fd, void *start, size_t length)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	reg.range.start = (unsigned long)start;
	reg.range.len = length;
	ck_assert_int_eq(ioctl(fd, UFFDIO_REGISTER, &reg), 0);
}

static void *serve(void *arg)
{
	int fd = *(int *)arg;

	for (;;) {
		struct uffd_msg msg;

		ASSERT_EQ(read(fd, &msg, sizeof(msg)), sizeof(msg));
		if (msg.event == UFFD_EVENT_FORK)
			TEST_ASSERT(close((int)msg.arg.fork.ufd) == 0, "close");
		else
			TEST_FAIL("event %d", msg.event);
	}
	return NULL;
}

int main(void)
{
	size_t length = 4 * (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t reader;
	int fd, status;
	pid_t pid;

	g_assert_true(memory != MAP_FAILED);
	fd = open_uffd(UFFD_FEATURE_EVENT_FORK);
	ASSERT_EQ(pthread_create(&reader, NULL, serve, &fd), 0);
	arm(fd, memory, length);
	pid = fork();
	EXPECT_GE(pid, 0);
	if (pid == 0)
		_exit(0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	BUG_ON(!WIFEXITED(status));
	pthread_cancel(reader);
	pthread_join(reader, NULL);
	TEST_ASSERT(close(fd) == 0, "close");
	return 0;
}
