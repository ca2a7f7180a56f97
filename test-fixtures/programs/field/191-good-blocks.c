// style: assertions of the kernel's harness with a block that tells more, and of GLib with an operator between two values
#include <fcntl.h>
#include <glib.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "kselftest_harness.h"

static int make(__u64 features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	g_assert_cmpint(fd, >=, 0);
	g_assert_cmpint(ioctl(fd, UFFDIO_API, &api), ==, 0);
	return fd;
}

TEST(forks_without_reader)
{
	size_t length = (size_t)sysconf(_SC_PAGESIZE);
	char *memory = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = make(0);
	pid_t pid;

	ASSERT_NE(MAP_FAILED, memory) {
		TH_LOG("mmap() of %zu bytes", length);
		close(fd);
	}
	reg.range.start = (unsigned long)memory;
	reg.range.len = length;
	ASSERT_EQ(0, ioctl(fd, UFFDIO_REGISTER, &reg)) {
		TH_LOG("register");
	}
	pid = fork();
	ASSERT_GE(pid, 0) {
		TH_LOG("fork");
	}
	if (pid == 0)
		_exit(0);
	EXPECT_EQ(pid, waitpid(pid, NULL, 0)) {
		TH_LOG("waitpid");
	}
	close(fd);
}

TEST_HARNESS_MAIN
