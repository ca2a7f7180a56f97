// style: events that are told of and nothing else
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int uffd;

static void *tell(void *unused)
{
	struct uffd_msg msg;

	(void)unused;
	for (;;) {
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			exit(1);
		switch (msg.event) {
		case UFFD_EVENT_FORK:
			printf("a process was made\n");
			close(msg.arg.fork.ufd);
			break;
		case UFFD_EVENT_REMOVE:
			printf("pages are gone\n");
			break;
		}
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = sysconf(_SC_PAGE_SIZE);
	pthread_t thread;
	pid_t pid;
	int i;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0)
		exit(1);
	reg.range.start = (unsigned long)mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.len = size;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
		exit(1);
	if (pthread_create(&thread, NULL, tell, NULL))
		exit(1);
	for (i = 0; i < 2; i++) {
		pid = fork();
		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) < 0)
			exit(1);
	}
	return 0;
}
