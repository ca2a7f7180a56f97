// style: manual page, the child has a variable of its own
// observe: uffd-left 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int stop[2];

static void *monitor(void *arg)
{
	int uffd = (int)(long)arg;
	struct pollfd fds[2];
	struct uffd_msg msg;

	fds[1].fd = stop[0];
	fds[1].events = POLLIN;
	for (;;) {
		fds[0].fd = uffd;
		fds[0].events = POLLIN;
		if (poll(fds, 2, -1) == -1) {
			perror("poll");
			exit(EXIT_FAILURE);
		}
		if (fds[1].revents)
			break;
		if (read(uffd, &msg, sizeof(msg)) == -1)
			continue;
		if (msg.event == UFFD_EVENT_FORK) {
			int child = msg.arg.fork.ufd;

			close(child);
		}
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api;
	struct uffdio_register reg;
	pthread_t thread;
	long uffd, page = sysconf(_SC_PAGE_SIZE);
	char *addr;
	pid_t pid;

	if (pipe(stop) == -1)
		return 1;
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd == -1) {
		perror("userfaultfd");
		exit(EXIT_FAILURE);
	}
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(uffd, UFFDIO_API, &api) == -1) {
		perror("UFFDIO_API");
		exit(EXIT_FAILURE);
	}
	addr = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (addr == MAP_FAILED) {
		perror("mmap");
		exit(EXIT_FAILURE);
	}
	reg.range.start = (unsigned long)addr;
	reg.range.len = page;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1) {
		perror("UFFDIO_REGISTER");
		exit(EXIT_FAILURE);
	}
	if (pthread_create(&thread, NULL, monitor, (void *)uffd) != 0)
		exit(EXIT_FAILURE);
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	if (write(stop[1], "", 1) != 1)
		return 1;
	pthread_join(thread, NULL);
	return 0;
}
