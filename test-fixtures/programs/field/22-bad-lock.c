/*
 * object store: a table under a lock, pages of values on demand.  "bgsave"
 * forks with the lock held so that the child sees a consistent table.
 */
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

struct store {
	pthread_mutex_t lock;
	int fd;
	uint8_t *values;
	size_t page, npages;
	int owner_of[64];
	int snapshots[8];
	int nsnapshots;
	unsigned long in, out;
};

static struct store store = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .npages = 64 };

static void store_lock(void) { pthread_mutex_lock(&store.lock); } // reports-wrongly: fork-deadlocks-monitor -- the caller of this one-line wrapper is the place to repair
static void store_unlock(void) { pthread_mutex_unlock(&store.lock); }

static void page_in(uint64_t addr)
{
	struct uffdio_zeropage z = {
		.range.start = addr & ~(store.page - 1),
		.range.len = store.page,
	};

	store.in++;
	while (ioctl(store.fd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		continue;
}

static void add_snapshot(int fd)
{
	if (store.nsnapshots == 8) {
		close(store.snapshots[0]);
		memmove(store.snapshots, store.snapshots + 1, 7 * sizeof(int));
		store.nsnapshots = 7;
	}
	store.snapshots[store.nsnapshots++] = fd;
}

static void *io_thread(void *arg)
{
	struct uffd_msg msg;
	ssize_t n;

	for (;;) {
		store_lock(); // misses: fork-deadlocks-monitor -- the report stands in the function that takes the lock
		n = read(store.fd, &msg, sizeof msg);
		if (n == sizeof msg && msg.event == UFFD_EVENT_FORK)
			add_snapshot(msg.arg.fork.ufd);
		else if (n == sizeof msg && msg.event == UFFD_EVENT_PAGEFAULT)
			page_in(msg.arg.pagefault.address);
		store_unlock();
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return arg;
		usleep(1000);
	}
}

static int store_open(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg;
	pthread_t t;

	store.page = sysconf(_SC_PAGESIZE);
	store.values = mmap(NULL, store.npages * store.page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (store.values == MAP_FAILED)
		return -1;
	store.fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (store.fd < 0)
		return -1;
	if (ioctl(store.fd, UFFDIO_API, &api) < 0)
		return -1;
	reg.range.start = (uintptr_t)store.values;
	reg.range.len = store.npages * store.page;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(store.fd, UFFDIO_REGISTER, &reg) < 0)
		return -1;
	return pthread_create(&t, NULL, io_thread, NULL) ? -1 : 0;
}

static pid_t bgsave(void)
{
	pid_t pid;

	store_lock();
	pid = fork();
	if (pid == 0) {
		size_t i, n = 0;

		for (i = 0; i < store.npages; i++)
			n += store.owner_of[i];
		_exit(n != 3);
	}
	store_unlock();
	return pid;
}

int main(void)
{
	int st = 0;
	pid_t pid;

	if (store_open() < 0) {
		perror("store");
		return 1;
	}
	store.values[0] = 7;
	store.values[9 * store.page] = 8;
	store_lock();
	store.owner_of[0] = 1;
	store.owner_of[9] = 2;
	store_unlock();
	pid = bgsave();
	if (pid < 0 || waitpid(pid, &st, 0) < 0)
		return 1;
	printf("bgsave %d, %lu pages in\n", WEXITSTATUS(st), store.in);
	return 0;
}
