/*
 * Job runner: jobs see the lazily loaded data set of the runner.  Fork events
 * need CAP_SYS_PTRACE; without it we run with reduced service.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct runner {
	int fd;
	bool fork_events;
	uint8_t *set;
	size_t set_len, page;
	uint8_t *buf;
	int kids[64];
	size_t nkids;
	pthread_t loader;
};

static int runner_negotiate(struct runner *r)
{
	struct uffdio_api api;

	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(r->fd, UFFDIO_API, &api) == 0) {
		r->fork_events = true;
		return 0;
	}
	if (errno != EPERM && errno != EINVAL)
		return -1;
	fprintf(stderr, "runner: no fork events (%s)\n", strerror(errno));
	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	if (ioctl(r->fd, UFFDIO_API, &api) == 0) {
		r->fork_events = false;
		return 0;
	}
	return -1;
}

static void load(struct runner *r, int fd, uint64_t addr)
{
	uint64_t at = addr & ~(uint64_t)(r->page - 1);
	struct uffdio_copy c = { .dst = at, .src = (uintptr_t)r->buf, .len = r->page };

	memset(r->buf, 0x80 | (at - (uintptr_t)r->set) / r->page, r->page);
	while (ioctl(fd, UFFDIO_COPY, &c) == -1)
		if (errno != EAGAIN)
			break;
}

static void *loader(void *arg)
{
	struct runner *r = arg;
	struct pollfd pfd[65];
	struct uffd_msg msg;
	size_t i, n;

	for (;;) {
		pfd[0].fd = r->fd;
		for (i = 0; i < r->nkids; i++)
			pfd[i + 1].fd = r->kids[i];
		n = r->nkids + 1;
		for (i = 0; i < n; i++)
			pfd[i].events = POLLIN;
		if (poll(pfd, n, -1) < 0)
			continue;
		for (i = 0; i < n; i++) {
			if (!(pfd[i].revents & POLLIN))
				continue;
			if (read(pfd[i].fd, &msg, sizeof(msg)) != sizeof(msg))
				continue;
			switch (msg.event) {
			case UFFD_EVENT_PAGEFAULT:
				load(r, pfd[i].fd, msg.arg.pagefault.address);
				break;
			case UFFD_EVENT_FORK:
				if (r->nkids < 64)
					r->kids[r->nkids++] = msg.arg.fork.ufd;
				else
					close(msg.arg.fork.ufd);
				break;
			}
		}
	}
	return NULL;
}

static int runner_open(struct runner *r, size_t pages)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	r->page = sysconf(_SC_PAGESIZE);
	r->set_len = pages * r->page;
	r->set = mmap(NULL, r->set_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	r->buf = mmap(NULL, r->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->set == MAP_FAILED || r->buf == MAP_FAILED)
		return -1;
	if ((r->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)) < 0)
		return -1;
	if (runner_negotiate(r) < 0) {
		close(r->fd);
		return -1;
	}
	reg.range.start = (uintptr_t)r->set;
	reg.range.len = r->set_len;
	if (ioctl(r->fd, UFFDIO_REGISTER, &reg) < 0) {
		close(r->fd);
		return -1;
	}
	if (pthread_create(&r->loader, NULL, loader, r))
		return -1;
	return 0;
}

static int job(const struct runner *r, int n)
{
	size_t i, sum = 0;

	for (i = n; i < r->set_len; i += r->page)
		sum += r->set[i];
	return sum == 0;
}

static int run_job(struct runner *r, int n)
{
	int st;
	pid_t pid;

	pid = fork(); // expect: fork-drops-registration
	if (pid < 0)
		return -1;
	if (pid == 0)
		_exit(job(r, n));
	while (waitpid(pid, &st, 0) < 0)
		if (errno != EINTR)
			return -1;
	return WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

int main(void)
{
	static struct runner r;
	int i, bad = 0;

	if (runner_open(&r, 32) < 0) {
		perror("runner");
		return 1;
	}
	for (i = 0; i < 3; i++)
		bad += run_job(&r, i) != 0;
	printf("%d bad jobs\n", bad);
	return bad;
}
