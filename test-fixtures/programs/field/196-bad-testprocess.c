// style: tests that each run in a process of their own; the forking one has no reader
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int task(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (p == MAP_FAILED || fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	reg.range.start = (uintptr_t)p;
	reg.range.len = 4096;
	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		return 1;
	if (fork() == 0) // expect: fork-event-never-read
		_exit(0);
	wait(NULL);
	return 0;
}

int main(void)
{
	int st;
	pid_t pid = fork();

	if (pid == 0)
		_exit(task());
	return waitpid(pid, &st, 0) != pid || st;
}
