// style: a table that the descriptor's number is the index of; numbers beyond it are closed
// observe: uffd-left 2
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* ev: the smallest event loop, a callback for each number; it looks at all live numbers */

#define EV_MAX 6

typedef void ev_cb(int fd);

static struct {
	ev_cb *cb;
	unsigned char live;
} ev_table[EV_MAX];

static int ev_ready[2], ev_forks;

static void ev_pump(int fd)
{
	struct uffd_msg m;

	if (read(fd, &m, sizeof m) != sizeof m)
		return;
	if (m.event != UFFD_EVENT_FORK)
		return;
	ev_forks++;
	if (m.arg.fork.ufd < EV_MAX) {
		ev_table[m.arg.fork.ufd].cb = ev_pump;
		ev_table[m.arg.fork.ufd].live = 1;
	}
	else {
		close(m.arg.fork.ufd);
	}
}

static void *ev_loop(void *unused)
{
	struct pollfd p[EV_MAX];
	int fd, n;

	for (;;) {
		for (n = fd = 0; fd < EV_MAX; fd++)
			if (ev_table[fd].live)
				p[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
		if (poll(p, n, -1) < 0 && errno != EINTR)
			return unused;
		while (n-- > 0)
			if (p[n].revents & POLLIN)
				ev_table[p[n].fd].cb(p[n].fd);
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t len = 4 * sysconf(_SC_PAGESIZE);
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK), spare;
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;

	if (uffd < 0 || uffd >= EV_MAX || mem == MAP_FAILED || ioctl(uffd, UFFDIO_API, &api) < 0)
		return 1;
	reg.range.start = (uintptr_t)mem;
	reg.range.len = len;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
		return 1;
	/* leave one number of the table free */
	while ((spare = dup(0)) >= 0 && spare < EV_MAX)
		ev_ready[0] = spare;
	close(ev_ready[0]);
	ev_table[uffd].cb = ev_pump;
	ev_table[uffd].live = 1;
	if (pthread_create(&t, NULL, ev_loop, NULL) != 0)
		return 1;
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	usleep(20000); /* the loop may still be at the last event */
	return ev_forks != 2;
}
