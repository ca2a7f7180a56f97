// style: the descriptor goes through exec() to a handler program, which ignores forks
// observe: fault-blocked
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#define die(...) do { fprintf(stderr, __VA_ARGS__); _exit(1); } while (0)

/* ---- the handler: "lazyd --serve FD" ---- */

static int serve(int uffd)
{
	size_t page = sysconf(_SC_PAGESIZE);
	struct uffd_msg msg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(uffd, &msg, sizeof(msg)) == (ssize_t)sizeof(msg)) {
		struct uffdio_zeropage zero = { .range.len = page };

		switch (msg.event) { // expect: unhandled-fork-event
		case UFFD_EVENT_PAGEFAULT:
			zero.range.start = msg.arg.pagefault.address & ~(uint64_t)(page - 1);
			while (ioctl(uffd, UFFDIO_ZEROPAGE, &zero) < 0 && errno == EAGAIN)
				usleep(10);
			break;
		}
	}
	return 1;
}

static pid_t start_handler(const char *self, int uffd)
{
	char number[16];
	pid_t pid;

	snprintf(number, sizeof(number), "%d", uffd);
	pid = fork();
	if (pid == 0) {
		execl(self, "lazyd", "--serve", number, (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* ---- the program ---- */

int main(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = 4 * sysconf(_SC_PAGESIZE);
	pid_t handler, child;
	char *memory;
	int uffd;

	if (argc == 3 && !strcmp(argv[1], "--serve"))
		return serve(atoi(argv[2]));
	uffd = syscall(__NR_userfaultfd, 0); /* no O_CLOEXEC: the handler inherits it */
	if (uffd < 0)
		die("userfaultfd: %s\n", strerror(errno));
	if (ioctl(uffd, UFFDIO_API, &api) < 0)
		die("UFFDIO_API: %s\n", strerror(errno));
	handler = start_handler("/proc/self/exe", uffd);
	if (handler < 0)
		die("fork: %s\n", strerror(errno));
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED)
		die("mmap: %s\n", strerror(errno));
	reg.range.start = (uintptr_t)memory;
	reg.range.len = size;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
		die("UFFDIO_REGISTER: %s\n", strerror(errno));
	memory[0] = 'x';
	child = fork();
	if (child == 0)
		_exit(memory[size / 2] != 0);
	waitpid(child, NULL, 0);
	kill(handler, SIGKILL);
	waitpid(handler, NULL, 0);
	return 0;
}
