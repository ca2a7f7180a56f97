// style: a handler program started by posix_spawn() with the descriptor as number 9; it serves children itself
// observe: uffd-left 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

#define HANDLER_FD 9
#define PAGE 4096ul

static int handler_main(void)
{
	struct pollfd set[8] = { { .fd = HANDLER_FD, .events = POLLIN } };
	nfds_t used = 1, i;
	struct uffd_msg msg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (poll(set, used, -1) > 0)
		for (i = 0; i < used; i++) {
			struct uffdio_zeropage zero = { .range.len = PAGE };

			if (!(set[i].revents & POLLIN) || read(set[i].fd, &msg, sizeof(msg)) != sizeof(msg))
				continue;
			switch (msg.event) {
			case UFFD_EVENT_PAGEFAULT:
				zero.range.start = msg.arg.pagefault.address & -PAGE;
				while (ioctl(set[i].fd, UFFDIO_ZEROPAGE, &zero) < 0 && errno == EAGAIN)
					usleep(10);
				break;
			case UFFD_EVENT_FORK:
				if (used == 8) {
					close(msg.arg.fork.ufd);
					break;
				}
				set[used].fd = msg.arg.fork.ufd;
				set[used].revents = 0;
				set[used++].events = POLLIN;
				break;
			}
		}
	return 1;
}

static pid_t spawn_handler(int uffd)
{
	char *argv[] = { "pager", "--handler", NULL };
	posix_spawn_file_actions_t actions;
	pid_t pid;
	int rc;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, uffd, HANDLER_FD);
	rc = posix_spawn(&pid, "/proc/self/exe", &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return rc == 0 ? pid : -1;
}

int main(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .range.len = 8 * PAGE, .mode = UFFDIO_REGISTER_MODE_MISSING };
	pid_t handler, child;
	int uffd, status;
	char *heap;

	if (argc > 1 && strcmp(argv[1], "--handler") == 0)
		return handler_main();
	heap = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || heap == MAP_FAILED || ioctl(uffd, UFFDIO_API, &api) < 0)
		return 1;
	handler = spawn_handler(uffd);
	reg.range.start = (uintptr_t)heap;
	if (handler < 0 || ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
		return 1;
	heap[0] = 'h';
	child = fork();
	if (child == 0)
		_exit(heap[PAGE]);
	waitpid(child, &status, 0);
	kill(handler, SIGKILL);
	waitpid(handler, NULL, 0);
	return WEXITSTATUS(status);
}
