// style: macros that hide continue and goto; what is no fault is skipped by one of them
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
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LOG(level, ...) ((level) > 1 ? (void)fprintf(stderr, __VA_ARGS__) : (void)0)
#define NEXT_UNLESS(cond)         \
	if (!(cond)) {            \
		skipped++;        \
		continue;         \
	} else                    \
		(void)0
#define TRY(label, expr)                                              \
	do {                                                          \
		if ((expr) == -1) {                                   \
			LOG(2, "%s: %s\n", #expr, strerror(errno));   \
			goto label;                                   \
		}                                                     \
	} while (0)

typedef struct lazymap {
	int fd;
	char *addr;
	size_t len;
} lazymap_t;

static unsigned skipped;

static void *lazymap_worker(void *p)
{
	lazymap_t *map = p;
	struct pollfd pfd = { map->fd, POLLIN, 0 };
	struct uffd_msg msg;

	for (;;) {
		TRY(out, poll(&pfd, 1, -1));
		NEXT_UNLESS(pfd.revents & POLLIN);
		NEXT_UNLESS(read(map->fd, &msg, sizeof(msg)) == sizeof(msg));
		NEXT_UNLESS(msg.event == UFFD_EVENT_PAGEFAULT); // expect: unhandled-fork-event

		struct uffdio_zeropage zp = {
			.range = { .start = msg.arg.pagefault.address & ~4095ull, .len = 4096 },
		};

		TRY(out, ioctl(map->fd, UFFDIO_ZEROPAGE, &zp));
	}
out:
	return NULL;
}

static lazymap_t *lazymap_new(size_t len)
{
	lazymap_t *map = calloc(1, sizeof(*map));
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .range.len = len, .mode = UFFDIO_REGISTER_MODE_MISSING };

	if (!map)
		return NULL;
	map->len = len;
	TRY(fail_free, map->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	TRY(fail_close, ioctl(map->fd, UFFDIO_API, &api));
	map->addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map->addr == MAP_FAILED)
		goto fail_close;
	reg.range.start = (uintptr_t)map->addr;
	TRY(fail_unmap, ioctl(map->fd, UFFDIO_REGISTER, &reg));
	return map;

fail_unmap:
	munmap(map->addr, len);
fail_close:
	close(map->fd);
fail_free:
	free(map);
	return NULL;
}

int main(void)
{
	lazymap_t *map = lazymap_new(16 * 4096);
	pthread_t worker;
	pid_t pid;

	if (!map || pthread_create(&worker, NULL, lazymap_worker, map))
		return EXIT_FAILURE;
	map->addr[0] = 1;
	TRY(out, pid = fork());
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
out:
	return EXIT_SUCCESS;
}
