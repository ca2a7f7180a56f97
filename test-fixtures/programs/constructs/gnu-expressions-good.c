// style: statement expressions, __auto_type and the short ?: around everything; the child before is closed
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

#define RETRY(expression)                                         \
	({                                                        \
		__typeof__(expression) result_;                   \
		do                                                \
			result_ = (expression);                   \
		while (result_ == -1 && errno == EINTR);          \
		result_;                                          \
	})

#define MUST(expression)                                          \
	({                                                        \
		__auto_type must_ = (expression);                 \
		if (__builtin_expect(must_ == -1, 0)) {           \
			perror(#expression);                      \
			exit(1);                                  \
		}                                                 \
		must_;                                            \
	})

#define round_down(x, y) ({ __typeof__(x) y_ = (y); (x) & ~(y_ - 1); })
#define swap_fd(var, new) ({ int old_ = (var); (var) = (new); old_; })

static struct {
	int fd, youngest;
	uint64_t page;
} zygote = { .fd = -1, .youngest = -1 };

static void *zygote_pager(void *argument)
{
	struct pollfd pfd = { .fd = zygote.fd, .events = POLLIN };
	struct uffd_msg msg;

	for (;;) {
		MUST(RETRY(poll(&pfd, 1, -1)));
		__auto_type n = RETRY(read(zygote.fd, &msg, sizeof(msg)));

		if (n == -1 && errno == EAGAIN)
			continue;
		if (n != (ssize_t)sizeof(msg))
			return argument ?: NULL;
		if (msg.event == UFFD_EVENT_FORK) {
			__auto_type before = swap_fd(zygote.youngest, (int)msg.arg.fork.ufd);

			if (before != -1)
				close(before);
		} else if (msg.event == UFFD_EVENT_PAGEFAULT) {
			struct uffdio_zeropage z = {
				.range = {
					.start = round_down(msg.arg.pagefault.address, zygote.page),
					.len = zygote.page,
				},
			};

			MUST(RETRY(ioctl(zygote.fd, UFFDIO_ZEROPAGE, &z)));
		}
	}
}

int main(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	__auto_type count = argc > 1 ? strtoul(argv[1], NULL, 0) ?: 1 : 2;
	pthread_t pager;
	char *heap;

	zygote.page = MUST(sysconf(_SC_PAGESIZE));
	zygote.fd = MUST(syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK));
	MUST(ioctl(zygote.fd, UFFDIO_API, &api));
	heap = mmap(NULL, 8 * zygote.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (heap == MAP_FAILED)
		return 1;
	MUST(ioctl(zygote.fd, UFFDIO_REGISTER, &((struct uffdio_register) {
		.range = { .start = (uintptr_t)heap, .len = 8 * zygote.page },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	})));
	if (pthread_create(&pager, NULL, zygote_pager, NULL))
		return 1;
	heap[0] = 1;
	while (count--) {
		pid_t pid = MUST(fork());

		if (!pid)
			_exit(0);
		MUST(RETRY(waitpid(pid, NULL, 0)));
	}
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
