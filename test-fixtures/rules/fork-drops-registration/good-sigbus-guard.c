// style: SIGBUS instead of messages, no reader; the child sets up a guard of its own
// observe: output parent trapped
// observe: output child trapped
// observe: uffd-left 0
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf escape;

static void on_sigbus(int sig)
{
	siglongjmp(escape, sig);
}

/* Reads a byte of memory that nothing was ever loaded into: must trap. */
static int peek(const char *who, const volatile char *p)
{
	if (sigsetjmp(escape, 1)) {
		dprintf(1, "%s trapped\n", who);
		return 0;
	}
	dprintf(1, "%s sees %d\n", who, *p);
	return 1;
}

static int guard(void *mem, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_SIGBUS };
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)mem, .len = size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY);

	if (uffd < 0)
		return -1;
	if (ioctl(uffd, UFFDIO_API, &api) < 0 || ioctl(uffd, UFFDIO_REGISTER, &reg) < 0) {
		close(uffd);
		return -1;
	}
	return uffd;
}

int main(void)
{
	size_t size = 16 * sysconf(_SC_PAGESIZE);
	char *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct sigaction sa = { .sa_handler = on_sigbus };
	pid_t pid;
	int uffd;

	if (mem == MAP_FAILED)
		err(1, "mmap");
	sigaction(SIGBUS, &sa, NULL);
	uffd = guard(mem, size);
	if (uffd < 0)
		err(1, "guard");
	peek("parent", mem);
	close(uffd);
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0) {
		if (guard(mem, size) < 0)
			err(1, "guard");
		_exit(peek("child", mem));
	}
	waitpid(pid, NULL, 0);
	return 0;
}
