// style: pre-forked workers; with fork events, and the children's descriptors in the poll array
// observe: output worker 2: child sees 7
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORKERS 3

static struct {
	int uffd;
	unsigned char *table;
	size_t page, size;
} snapshot;

static unsigned char source[65536] __attribute__((aligned(4096)));

static void snapshot_map(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	snapshot.page = sysconf(_SC_PAGESIZE);
	snapshot.size = WORKERS * snapshot.page;
	if ((snapshot.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)) < 0)
		err(1, "userfaultfd");
	if (ioctl(snapshot.uffd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	snapshot.table = mmap(NULL, snapshot.size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (snapshot.table == MAP_FAILED)
		err(1, "mmap");
	reg.range.start = (uintptr_t)snapshot.table;
	reg.range.len = snapshot.size;
	if (ioctl(snapshot.uffd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
}

static void serve_fault(int uffd, uint64_t address)
{
	struct uffdio_copy copy = {
		.dst = address & ~(snapshot.page - 1),
		.src = (uintptr_t)source,
		.len = snapshot.page,
	};

	while (ioctl(uffd, UFFDIO_COPY, &copy) < 0 && errno == EAGAIN)
		;
}

static void *snapshot_load(void *unused)
{
	struct pollfd fds[1 + WORKERS] = { { .fd = snapshot.uffd, .events = POLLIN } };
	struct uffd_msg msg;
	int n = 1;

	(void)unused;
	for (;;) {
		int ready = n;

		if (poll(fds, n, -1) < 0)
			err(1, "poll");
		for (int i = 0; i < ready; i++) {
			if (!(fds[i].revents & POLLIN) || read(fds[i].fd, &msg, sizeof(msg)) != sizeof(msg))
				continue;
			if (msg.event == UFFD_EVENT_PAGEFAULT) {
				serve_fault(fds[i].fd, msg.arg.pagefault.address);
			} else if (msg.event == UFFD_EVENT_FORK) {
				if (n == 1 + WORKERS) {
					close(msg.arg.fork.ufd);
					continue;
				}
				fds[n].fd = msg.arg.fork.ufd;
				fds[n].events = POLLIN;
				n++;
			}
		}
	}
}

static int worker_main(int n)
{
	dprintf(STDOUT_FILENO, "worker %d: child sees %d\n", n, snapshot.table[n * snapshot.page]);
	return 0;
}

static void spawn_workers(pid_t *pids)
{
	for (int i = 0; i < WORKERS; i++) {
		pids[i] = fork();
		if (pids[i] < 0)
			err(1, "fork");
		if (pids[i] == 0)
			_exit(worker_main(i));
	}
}

int main(void)
{
	pid_t pids[WORKERS];
	pthread_t loader;

	memset(source, 7, sizeof(source));
	snapshot_map();
	if (pthread_create(&loader, NULL, snapshot_load, NULL))
		errx(1, "pthread_create");
	spawn_workers(pids);
	for (int i = 0; i < WORKERS; i++)
		waitpid(pids[i], NULL, 0);
	return 0;
}
