// style: goto cleanup, a quota; list of malloc'ed structs
// observe: uffd-left 2
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	int uffd;
	struct child *next;
};

static struct child *children;
static int nchildren, quota = 1;
static struct uffdio_range range;
static int uffd, stop_pipe[2];

static void adopt(int fd)
{
	struct child *c = malloc(sizeof(*c));

	if (!c)
		goto fail;
	if (nchildren == quota)
		goto fail;
	nchildren++;
	c->uffd = fd;
	c->next = children;
	children = c;
	return;
fail:
	free(c);
	return; // expect: leaked-child-uffd
}

static void handle_one(int fd)
{
	struct uffdio_zeropage z = { .range = range };
	struct uffd_msg msg;

	if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
		return;
	switch (msg.event) {
	case UFFD_EVENT_FORK:
		adopt(msg.arg.fork.ufd);
		break;
	case UFFD_EVENT_PAGEFAULT:
		if (ioctl(fd, UFFDIO_ZEROPAGE, &z) == -1)
			ioctl(fd, UFFDIO_WAKE, &range);
		break;
	}
}

static void *reader(void *arg)
{
	struct pollfd stop = { stop_pipe[0], POLLIN, 0 };

	while (poll(&stop, 1, 5) == 0) {
		handle_one(uffd);
		for (struct child *c = children; c; c = c->next)
			handle_one(c->uffd);
	}
	for (struct child *c = children; c; c = c->next)
		close(c->uffd);
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t page = sysconf(_SC_PAGESIZE);
	pthread_t thread;
	void *mem = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (mem == MAP_FAILED || uffd == -1 || ioctl(uffd, UFFDIO_API, &api) == -1 || pipe(stop_pipe))
		return perror("setup"), 1;
	reg.range = range = (struct uffdio_range){ (unsigned long)mem, page };
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
		return perror("UFFDIO_REGISTER"), 1;
	pthread_create(&thread, NULL, reader, NULL);
	for (int i = 0; i < 2; i++) {
		pid_t pid = syscall(SYS_fork);
		if (pid == 0)
			syscall(SYS_exit_group, 0);
		waitpid(pid, NULL, 0);
	}
	close(stop_pipe[1]);
	pthread_join(thread, NULL);
	return 0;
}
