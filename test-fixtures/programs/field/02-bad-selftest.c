// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stress of fork events: the bounce thread follows whoever was forked last.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define _err(fmt, ...)						\
	do {							\
		int ret = errno;				\
		fprintf(stderr, "ERROR: " fmt, ##__VA_ARGS__);	\
		fprintf(stderr, " (errno=%d, @%s:%d)\n",	\
			ret, __FILE__, __LINE__);		\
	} while (0)

#define errexit(exitcode, fmt, ...)		\
	do {					\
		_err(fmt, ##__VA_ARGS__);	\
		exit(exitcode);			\
	} while (0)

#define err(fmt, ...) errexit(1, fmt, ##__VA_ARGS__)

struct uffd_args {
	int cpu;
	unsigned long missing_faults;
	unsigned long forks;
};

static unsigned long nr_pages = 16, page_size;
static char *area_src, *area_dst;
static int uffd = -1, pipefd[2];
static unsigned long long uffd_features;

static void uffd_open(unsigned int flags)
{
	uffd = syscall(__NR_userfaultfd, flags);
	if (uffd < 0)
		err("userfaultfd syscall not available in this kernel");
}

static void userfaultfd_open(unsigned long long *features)
{
	struct uffdio_api uffdio_api;

	uffd_open(O_CLOEXEC | O_NONBLOCK);
	uffdio_api.api = UFFD_API;
	uffdio_api.features = *features;
	if (ioctl(uffd, UFFDIO_API, &uffdio_api))
		err("UFFDIO_API failed.  Please make sure to run with CAP_SYS_PTRACE");
	if (uffdio_api.api != UFFD_API)
		err("UFFDIO_API error: %llu", (unsigned long long)uffdio_api.api);
}

static int copy_page(int ufd, unsigned long offset)
{
	struct uffdio_copy copy;

	if (offset >= nr_pages * page_size)
		err("unexpected offset %lu\n", offset);
	copy.dst = (unsigned long)area_dst + offset;
	copy.src = (unsigned long)area_src + offset;
	copy.len = page_size;
	copy.mode = 0;
	copy.copy = 0;
	while (ioctl(ufd, UFFDIO_COPY, &copy)) {
		if (errno == EEXIST || errno == ESRCH)
			return 0;
		if (errno != EAGAIN)
			err("UFFDIO_COPY error: %lld", (long long)copy.copy);
	}
	return 1;
}

static int uffd_read_msg(int ufd, struct uffd_msg *msg)
{
	int ret = read(ufd, msg, sizeof(*msg));

	if (ret != sizeof(*msg)) {
		if (ret < 0) {
			if (errno == EAGAIN || errno == EINTR)
				return 1;
			err("blocking read error");
		} else {
			err("short read");
		}
	}
	return 0;
}

static void uffd_handle_page_fault(struct uffd_msg *msg, struct uffd_args *args)
{
	unsigned long offset;

	if (msg->event != UFFD_EVENT_PAGEFAULT)
		err("unexpected msg event %u", msg->event);
	offset = (char *)(unsigned long)msg->arg.pagefault.address - area_dst;
	offset &= ~(page_size - 1);
	if (copy_page(uffd, offset))
		args->missing_faults++;
}

static void *uffd_poll_thread(void *arg)
{
	struct uffd_args *args = (struct uffd_args *)arg;
	struct pollfd pollfd[2];
	struct uffd_msg msg;
	char tmp_chr;
	int ret;

	pollfd[0].fd = uffd;
	pollfd[0].events = POLLIN;
	pollfd[1].fd = pipefd[0];
	pollfd[1].events = POLLIN;

	for (;;) {
		ret = poll(pollfd, 2, -1);
		if (ret <= 0)
			err("poll error: %d", ret);
		if (pollfd[1].revents) {
			if (!(pollfd[1].revents & POLLIN))
				err("pollfd[1].revents %d", pollfd[1].revents);
			if (read(pollfd[1].fd, &tmp_chr, 1) != 1)
				err("read pipefd error");
			break;
		}
		if (!(pollfd[0].revents & POLLIN))
			err("pollfd[0].revents %d", pollfd[0].revents);
		if (uffd_read_msg(uffd, &msg))
			continue;
		switch (msg.event) {
		default:
			err("unexpected msg event %u\n", msg.event);
			break;
		case UFFD_EVENT_PAGEFAULT:
			uffd_handle_page_fault(&msg, args);
			break;
		case UFFD_EVENT_FORK:
			args->forks++;
			uffd = msg.arg.fork.ufd; // expect: overwritten-parent-uffd
			pollfd[0].fd = uffd;
			break;
		}
	}
	return NULL;
}

static int faulting_process(void)
{
	unsigned long nr;

	for (nr = 0; nr < nr_pages; nr++)
		if (area_dst[nr * page_size] != 'x')
			return 1;
	return 0;
}

int main(void)
{
	struct uffdio_register reg = { 0 };
	struct uffd_args args = { 0 };
	pthread_t uffd_mon;
	char c = 0;
	pid_t pid;
	int status;

	page_size = sysconf(_SC_PAGE_SIZE);
	area_src = mmap(NULL, nr_pages * page_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	area_dst = mmap(NULL, nr_pages * page_size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area_src == MAP_FAILED || area_dst == MAP_FAILED)
		err("mmap");
	memset(area_src, 'x', nr_pages * page_size);
	if (pipe(pipefd))
		err("pipe");

	uffd_features = UFFD_FEATURE_EVENT_FORK;
	userfaultfd_open(&uffd_features);
	reg.range.start = (unsigned long)area_dst;
	reg.range.len = nr_pages * page_size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		err("register failure");

	if (pthread_create(&uffd_mon, NULL, uffd_poll_thread, &args))
		err("uffd_poll_thread create");

	pid = fork();
	if (pid < 0)
		err("fork");
	if (!pid)
		_exit(faulting_process());
	waitpid(pid, &status, 0);
	if (write(pipefd[1], &c, sizeof(c)) != sizeof(c))
		err("pipe write");
	if (pthread_join(uffd_mon, NULL))
		return 1;
	printf("missing %lu forks %lu child %d\n", args.missing_faults,
	       args.forks, WEXITSTATUS(status));
	return WEXITSTATUS(status);
}
