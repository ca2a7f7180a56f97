// style: a stdio stream over each descriptor; the child's stream is dropped
// observe: uffd-left 3
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
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

/* eventlog: turns kernel messages into lines; unbuffered streams, as a message is 32 bytes */

static unsigned forks;

static void fatal(const char *message)
{
	perror(message);
	exit(EXIT_FAILURE);
}

static FILE *stream_of(int fd)
{
	FILE *stream = fdopen(fd, "r");

	if (stream == NULL)
		return NULL;
	setvbuf(stream, NULL, _IONBF, 0);
	return stream;
}

static void child_event(int fd)
{
	FILE *child = stream_of(fd);

	if (child == NULL) {
		close(fd);
		return;
	}
	forks++;
	printf("fork %u: stream %d\n", forks, fileno(child)); // misses: leaked-child-uffd -- fdopen() gives the descriptor to the stream, and streams are not followed
}

static void *logger(void *arg)
{
	int fd = *(const int *)arg;
	struct uffd_msg msg;

	/* read(2), as fread() may wait for the locks that fork() holds */
	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event == UFFD_EVENT_FORK)
			child_event(msg.arg.fork.ufd);
		else
			printf("event %#x\n", msg.event);
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api;
	struct uffdio_register reg;
	const size_t size = 1 << 20;
	static int fd;
	pthread_t thread;
	void *area;
	int i;

	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd == -1)
		fatal("userfaultfd");
	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(fd, UFFDIO_API, &api) == -1)
		fatal("UFFDIO_API");
	area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		fatal("mmap");
	memset(&reg, 0, sizeof(reg));
	reg.range.start = (uintptr_t)area;
	reg.range.len = size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) == -1)
		fatal("UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, logger, &fd) != 0)
		fatal("pthread_create");
	for (i = 0; i < 2; i++) {
		pid_t pid = _Fork(); /* fork() would hold the locks of stdio and malloc */

		if (pid == -1)
			fatal("fork");
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
		usleep(20000); /* the line first */
	}
	return 0;
}
