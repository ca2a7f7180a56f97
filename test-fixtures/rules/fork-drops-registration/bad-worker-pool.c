// style: pre-forked workers; set-up, reader and fork in different functions, joined by a global
// observe: output child sees 0
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
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_THREAD_ID };
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

static void *snapshot_load(void *unused)
{
	struct pollfd pfd = { .fd = snapshot.uffd, .events = POLLIN };
	struct uffd_msg msg;

	(void)unused;
	while (poll(&pfd, 1, -1) > 0) {
		struct uffdio_copy copy = { .src = (uintptr_t)source, .len = snapshot.page };

		if (read(snapshot.uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		copy.dst = msg.arg.pagefault.address & ~(snapshot.page - 1);
		if (ioctl(snapshot.uffd, UFFDIO_COPY, &copy) < 0 && errno != EEXIST)
			err(1, "UFFDIO_COPY");
	}
	return NULL;
}

static int worker_main(int n)
{
	dprintf(STDOUT_FILENO, "worker %d: child sees %d\n", n, snapshot.table[n * snapshot.page]);
	return 0;
}

static void spawn_workers(pid_t *pids)
{
	for (int i = 0; i < WORKERS; i++) {
		pids[i] = fork(); // expect: fork-drops-registration
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
