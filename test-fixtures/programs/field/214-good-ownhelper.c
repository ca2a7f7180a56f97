// style: a monitor process waits for a helper of its own
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* The monitor process is forked before anything is armed: its own memory is not watched, so the
   helper that it forks and waits for cannot fault on any userfaultfd. */
static void monitor(int uffd)
{
	struct uffd_msg m;
	int fds[64] = { uffd }, n = 1;

	for (;;) {
		for (int i = 0; i < n; i++)
			if (read(fds[i], &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK) {
				if (n < 64)
					fds[n++] = m.arg.fork.ufd;
				else
					close(m.arg.fork.ufd);
			}
		pid_t helper = fork();
		if (helper == 0)
			_exit(0);
		waitpid(helper, NULL, 0);
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .range.len = 4096, .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	reg.range.start = (uintptr_t)mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fork() == 0)
		monitor(fd);
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		return 1;
	if (fork() == 0)
		_exit(0);
	wait(NULL);
	return 0;
}
