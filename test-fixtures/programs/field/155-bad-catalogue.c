// style: a const table of handlers inside of the function, with err() macros
// SPDX-License-Identifier: GPL-2.0
/* Fork-while-armed stress, self-test flavour. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

#ifndef __NR_userfaultfd
#define __NR_userfaultfd 323
#endif
#ifndef UFFD_FEATURE_EVENT_UNMAP
#define UFFD_FEATURE_EVENT_UNMAP (1 << 6)
#endif

#define _err(fmt, ...) do {						\
		int ret = errno;					\
		fprintf(stderr, "ERROR: " fmt, ##__VA_ARGS__);		\
		fprintf(stderr, " (errno=%d, @%s:%d)\n",		\
			ret, __FILE__, __LINE__);			\
	} while (0)
#define errexit(code, fmt, ...) do { _err(fmt, ##__VA_ARGS__); exit(code); } while (0)
#define err(fmt, ...) errexit(1, fmt, ##__VA_ARGS__)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define MAX_FDS 16

struct uffd_args {
	struct pollfd pfd[MAX_FDS];
	nfds_t nfds;
	unsigned long missing_faults, removes;
};

typedef int (*event_fn)(struct uffd_args *args, int fd, const struct uffd_msg *msg);

static unsigned long page_size;
static char *area, *src_page;

static int copy_page(int fd, unsigned long dst)
{
	struct uffdio_copy copy = {
		.dst = dst, .src = (unsigned long)src_page, .len = page_size,
	};
	struct uffdio_range range = { .start = dst, .len = page_size };

	if (!ioctl(fd, UFFDIO_COPY, &copy))
		return 0;
	/* present already, or an event is in flight: let it fault again */
	if (errno != EEXIST && errno != EAGAIN)
		err("UFFDIO_COPY");
	if (ioctl(fd, UFFDIO_WAKE, &range))
		err("UFFDIO_WAKE");
	return 1;
}

static int handle_fault(struct uffd_args *args, int fd, const struct uffd_msg *msg)
{
	args->missing_faults++;
	copy_page(fd, msg->arg.pagefault.address & ~(page_size - 1));
	return 0;
}

static int handle_remove(struct uffd_args *args, int fd, const struct uffd_msg *msg)
{
	(void)fd;
	args->removes += (msg->arg.remove.end - msg->arg.remove.start) / page_size;
	return 0;
}

static int dispatch(struct uffd_args *args, int fd, const struct uffd_msg *msg)
{
	static const event_fn handlers[] = { // expect: unhandled-fork-event
		[UFFD_EVENT_PAGEFAULT]	= handle_fault,
		[UFFD_EVENT_FORK]	= NULL, // step: for UFFD_EVENT_FORK the table has no handler
		[UFFD_EVENT_REMAP]	= NULL,		/* not requested */
		[UFFD_EVENT_REMOVE]	= handle_remove,
		[UFFD_EVENT_UNMAP]	= handle_remove,
	};
	event_fn fn = msg->event < ARRAY_SIZE(handlers) ? handlers[msg->event] : NULL;

	return fn ? fn(args, fd, msg) : 0;
}

static void *uffd_poll_thread(void *arg)
{
	struct uffd_args *args = arg;
	struct uffd_msg msg;

	for (;;) {
		if (poll(args->pfd, args->nfds, -1) < 0) {
			if (errno == EINTR)
				continue;
			err("poll");
		}
		for (nfds_t i = 0; i < args->nfds; i++) {
			ssize_t n;

			if (!(args->pfd[i].revents & POLLIN))
				continue;
			n = read(args->pfd[i].fd, &msg, sizeof(msg));
			if (n != (ssize_t)sizeof(msg)) {
				if (n < 0 && (errno == EAGAIN || errno == EINTR))
					continue;
				err("blocking read error");
			}
			dispatch(args, args->pfd[i].fd, &msg);
		}
	}
	return NULL;
}

static int uffd_open(unsigned long long features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		err("userfaultfd syscall");
	if (ioctl(fd, UFFDIO_API, &api))
		err("UFFDIO_API");
	if (api.api != UFFD_API)
		err("UFFDIO_API error: %llu", (unsigned long long)api.api);
	return fd;
}

int main(void)
{
	static struct uffd_args args;
	struct uffdio_register reg = { 0 };
	pthread_t mon;
	int status;
	pid_t pid;

	page_size = sysconf(_SC_PAGESIZE);
	area = mmap(NULL, 8 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	src_page = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || src_page == MAP_FAILED)
		err("mmap");
	memset(src_page, 0x5a, page_size);

	args.pfd[0].fd = uffd_open(UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE |
				   UFFD_FEATURE_EVENT_UNMAP);
	args.pfd[0].events = POLLIN;
	args.nfds = 1;
	reg.range.start = (unsigned long)area;
	reg.range.len = 8 * page_size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(args.pfd[0].fd, UFFDIO_REGISTER, &reg))
		err("register failure");
	if (pthread_create(&mon, NULL, uffd_poll_thread, &args))
		err("pthread_create");

	if (area[0] != 0x5a)
		err("parent sees wrong data");
	pid = fork();
	if (pid < 0)
		err("fork");
	if (!pid)
		_exit(area[3 * page_size] == 0x5a ? 0 : 3);
	if (waitpid(pid, &status, 0) != pid)
		err("waitpid");
	printf("child status %d, faults %lu\n", WEXITSTATUS(status), args.missing_faults);
	return WEXITSTATUS(status);
}
