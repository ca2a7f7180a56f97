#define _GNU_SOURCE
#include "cache.h"
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	int fd;
	unsigned char *mem;
	size_t len, page;
	unsigned char *page_buf;
	pthread_t thread;
} cache;

void cache_setup(const struct cache_options *opts)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	cache.page = sysconf(_SC_PAGESIZE);
	cache.len = opts->pages * cache.page;
	cache.mem = mmap(NULL, cache.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (cache.mem == MAP_FAILED)
		die("mmap");
	cache.page_buf = mmap(NULL, cache.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (cache.page_buf == MAP_FAILED)
		die("mmap");
	cache.fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (cache.fd < 0)
		die("userfaultfd");
	if (opts->track_forks)
		api.features |= UFFD_FEATURE_EVENT_FORK;
	if (ioctl(cache.fd, UFFDIO_API, &api) < 0)
		die("UFFDIO_API");
	reg.range.start = (uintptr_t)cache.mem;
	reg.range.len = cache.len;
	if (ioctl(cache.fd, UFFDIO_REGISTER, &reg) < 0)
		die("UFFDIO_REGISTER");
}

static void handle(const struct uffd_msg *msg)
{
	struct uffdio_copy copy;

	if (msg->event == UFFD_EVENT_FORK) {
		logf_("somebody forked");
		close(msg->arg.fork.ufd);
		return;
	}
	if (msg->event != UFFD_EVENT_PAGEFAULT)
		return;
	copy.dst = msg->arg.pagefault.address & ~(uint64_t)(cache.page - 1);
	copy.src = (uintptr_t)cache.page_buf;
	copy.len = cache.page;
	copy.mode = 0;
	memset(cache.page_buf, 1 + (copy.dst - (uintptr_t)cache.mem) / cache.page, cache.page);
	while (ioctl(cache.fd, UFFDIO_COPY, &copy) < 0)
		if (errno != EAGAIN)
			die("UFFDIO_COPY");
}

static void *cache_thread(void *unused)
{
	struct uffd_msg msg;

	for (;;) {
		ssize_t n = read(cache.fd, &msg, sizeof(msg));

		if (n < 0 && errno == EINTR)
			continue;
		if (n != sizeof(msg))
			die("read");
		handle(&msg);
	}
	return unused;
}

void cache_start_thread(void)
{
	if (pthread_create(&cache.thread, NULL, cache_thread, NULL) != 0)
		die("pthread_create");
}

int cache_lookup(size_t key)
{
	return cache.mem[key % cache.len];
}
