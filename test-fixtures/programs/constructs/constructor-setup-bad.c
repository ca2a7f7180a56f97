// style: a preloaded library arms memory in a constructor and has no reader
// observe: fork-blocked
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- libguard: what LD_PRELOAD would bring ---- */

static int guard_fd __attribute__((section(".data"))) = -1;
static void *guard_area;
static const size_t guard_size = 1 << 16;
static unsigned long guard_hits __attribute__((unused));

static void *guard_reader(void *unused __attribute__((unused)))
{
	struct uffd_msg msg;

	while (read(guard_fd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd);
		else
			guard_hits++;
	}
	return NULL;
}

__attribute__((constructor(101))) static void guard_init(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	pthread_t thread;

	if (fd < 0)
		return;
	if (ioctl(fd, UFFDIO_API, &api) < 0)
		goto out;
	guard_area = mmap(NULL, guard_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guard_area == MAP_FAILED)
		goto out;
	guard_fd = fd;
	reg.range.start = (uintptr_t)guard_area;
	reg.range.len = guard_size;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) == 0)
		return;
	if (getenv("GUARD_DEBUG") && pthread_create(&thread, NULL, guard_reader, NULL) == 0)
		return;
out:
	close(fd);
	guard_fd = -1;
}

__attribute__((destructor)) static void guard_exit(void)
{
	if (guard_fd >= 0)
		close(guard_fd);
}

/* ---- the program ---- */

static int run(const char *what)
{
	int status = 0;
	pid_t pid = fork(); // misses: fork-event-never-read -- neither main() nor run() speaks of userfaultfd, so they are not looked at

	if (pid < 0) {
		perror(what);
		return 1;
	}
	if (pid == 0)
		_exit(0);
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

int main(void)
{
	return run("first") || run("second");
}
