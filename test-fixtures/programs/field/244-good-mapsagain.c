// style: a loop that forks, whose child maps memory of its own in the next turn
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	pid_t pid = -1;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	for (int i = 0; i < 2; i++) {
		char *m = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (m == MAP_FAILED)
			return 1;
		if (i == 0) {
			reg.range.start = (uintptr_t)m;
			reg.range.len = 4096;
			if (ioctl(fd, UFFDIO_REGISTER, &reg))
				return 1;
			pid = fork();
		} else if (pid == 0) {
			m[0] = 1;
			_exit(m[0]);
		}
	}
	waitpid(pid, NULL, 0);
	return 0;
}
