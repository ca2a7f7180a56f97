// style: CRIU-like list, the error path forgets the descriptor
// observe: nothing, the allocation cannot be made to fail here
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

struct lazy_child {
	int uffd;
	struct lazy_child *next;
};

struct monitor {
	int uffd;
	int stop[2];
	struct lazy_child *children;
	size_t page_size;
};

static int add_child(struct monitor *m, const struct uffd_msg *msg)
{
	struct lazy_child *child;
	int fd = msg->arg.fork.ufd;

	child = malloc(sizeof(*child));
	if (!child)
		return -1; // expect: leaked-child-uffd
	child->uffd = fd;
	child->next = m->children;
	m->children = child;
	return 0;
}

static void *serve(void *arg)
{
	struct monitor *m = arg;
	struct pollfd fds[2] = {
		{ .fd = m->uffd, .events = POLLIN },
		{ .fd = m->stop[0], .events = POLLIN },
	};
	struct uffd_msg msg;

	while (poll(fds, 2, -1) >= 0 && !(fds[1].revents & POLLIN)) {
		if (read(m->uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_FORK)
			add_child(m, &msg);
	}
	return NULL;
}

static int setup(struct monitor *m)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *area;

	m->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (m->uffd < 0)
		return -1;
	if (ioctl(m->uffd, UFFDIO_API, &api) < 0)
		goto out;
	area = mmap(NULL, m->page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		goto out;
	reg.range.start = (uintptr_t)area;
	reg.range.len = m->page_size;
	if (ioctl(m->uffd, UFFDIO_REGISTER, &reg) < 0)
		goto out;
	return 0;
out:
	close(m->uffd);
	return -1;
}

int main(void)
{
	struct monitor m = { .page_size = sysconf(_SC_PAGESIZE) };
	pthread_t thread;
	pid_t pid;

	if (pipe(m.stop) || setup(&m))
		return 1;
	if (pthread_create(&thread, NULL, serve, &m))
		return 1;
	for (int i = 0; i < 1; i++) {
		pid = syscall(SYS_fork); // fork() would hold the locks of malloc while the reader allocates
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	if (write(m.stop[1], "", 1) != 1)
		return 1;
	pthread_join(thread, NULL);
	while (m.children) {
		struct lazy_child *c = m.children;

		m.children = c->next;
		close(c->uffd);
		free(c);
	}
	close(m.uffd);
	return 0;
}
