/* SPDX-License-Identifier: LGPL-2.1-or-later */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define _cleanup_(f) __attribute__((cleanup(f)))
#define _cleanup_close_ _cleanup_(closep)
#define _cleanup_free_ _cleanup_(freep)
#define TAKE_FD(fd) ({ int *_p = &(fd); int _f = *_p; *_p = -EBADF; _f; })
#define TAKE_PTR(p) ({ __typeof__(p) *_pp = &(p); __typeof__(p) _v = *_pp; *_pp = NULL; _v; })
#define assert_se(e) do { if (!(e)) { fprintf(stderr, "assertion failed: %s\n", #e); abort(); } } while (0)
#define log_error_errno(e, ...) ({ int _e = abs(e); fprintf(stderr, __VA_ARGS__); fprintf(stderr, ": %s\n", strerror(_e)); -_e; })

static inline int safe_close(int fd)
{
	if (fd >= 0) {
		int saved = errno;

		assert_se(close(fd) == 0 || errno != EBADF);
		errno = saved;
	}
	return -EBADF;
}

static inline void closep(int *fd) { safe_close(*fd); }
static inline void freep(void *p) { free(*(void **)p); }

typedef struct Space {
	int fd;
	unsigned n_faults;
	struct Space *next;
} Space;

typedef struct Manager {
	int epoll_fd;
	int exit_fd;
	Space *spaces;
	unsigned n_spaces, n_max;
	size_t page_size;
	void *mem;
	size_t mem_size;
} Manager;

static Space *space_free(Space *s)
{
	if (!s)
		return NULL;
	safe_close(s->fd);
	free(s);
	return NULL;
}

static int manager_add_space(Manager *m, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };
	_cleanup_free_ Space *s = NULL;

	assert(m);
	assert(fd >= 0);

	if (m->n_spaces >= m->n_max)
		return -E2BIG;
	s = calloc(1, sizeof(Space));
	if (!s)
		return -ENOMEM;
	ev.data.ptr = s;
	if (epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, fd, &ev) < 0)
		return -errno;
	s->fd = fd;
	s->next = m->spaces;
	m->spaces = TAKE_PTR(s);
	m->n_spaces++;
	return 0;
}

static int manager_on_fork(Manager *m, const struct uffd_msg *msg)
{
	int fd = (int)msg->arg.fork.ufd;
	int r;

	r = manager_add_space(m, fd);
	if (r < 0)
		return log_error_errno(r, "Failed to watch child"); // expect: leaked-child-uffd
	return 0;
}

static int manager_on_fault(Manager *m, Space *s, const struct uffd_msg *msg)
{
	struct uffdio_zeropage z = {
		.range.start = msg->arg.pagefault.address & ~(uint64_t)(m->page_size - 1),
		.range.len = m->page_size,
	};

	s->n_faults++;
	while (ioctl(s->fd, UFFDIO_ZEROPAGE, &z) < 0) {
		if (errno == EAGAIN)
			continue;
		if (errno == EEXIST || errno == ESRCH)
			return 0;
		return log_error_errno(errno, "Failed to fill");
	}
	return 0;
}

static int manager_dispatch(Manager *m, Space *s)
{
	struct uffd_msg msg;
	ssize_t n;

	n = read(s->fd, &msg, sizeof(msg));
	if (n < 0) {
		if (errno == EAGAIN || errno == EINTR)
			return 0;
		return log_error_errno(errno, "Failed to read");
	}
	if (n != sizeof(msg))
		return -EIO;
	switch (msg.event) {
	case UFFD_EVENT_PAGEFAULT:
		return manager_on_fault(m, s, &msg);
	case UFFD_EVENT_FORK:
		(void)manager_on_fork(m, &msg);
		return 0;
	default:
		return 0;
	}
}

static void *manager_run(void *userdata)
{
	Manager *m = userdata;

	for (;;) {
		struct epoll_event ev;
		int r = epoll_wait(m->epoll_fd, &ev, 1, -1);

		if (r < 0 && errno != EINTR)
			break;
		if (r <= 0)
			continue;
		if (!ev.data.ptr)
			break;
		if (manager_dispatch(m, ev.data.ptr) < 0)
			break;
	}
	return NULL;
}

static int manager_open(Manager *m)
{
	_cleanup_close_ int fd = -EBADF;
	struct epoll_event ev = { .events = EPOLLIN };
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int r;

	m->page_size = sysconf(_SC_PAGESIZE);
	m->mem_size = 4 * m->page_size;
	m->mem = mmap(NULL, m->mem_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m->mem == MAP_FAILED)
		return -errno;
	m->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	m->exit_fd = eventfd(0, EFD_CLOEXEC);
	if (m->epoll_fd < 0 || m->exit_fd < 0)
		return -errno;
	if (epoll_ctl(m->epoll_fd, EPOLL_CTL_ADD, m->exit_fd, &ev) < 0)
		return -errno;
	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return log_error_errno(errno, "userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) < 0)
		return log_error_errno(errno, "UFFDIO_API");
	reg.range.start = (uintptr_t)m->mem;
	reg.range.len = m->mem_size;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		return log_error_errno(errno, "UFFDIO_REGISTER");
	r = manager_add_space(m, fd);
	if (r < 0)
		return r;
	TAKE_FD(fd);
	return 0;
}

int main(void)
{
	Manager m = { .epoll_fd = -EBADF, .exit_fd = -EBADF, .n_max = 2 };
	pthread_t t;
	int i;

	if (manager_open(&m) < 0)
		return EXIT_FAILURE;
	assert_se(pthread_create(&t, NULL, manager_run, &m) == 0);
	*(char *)m.mem = 1;
	for (i = 0; i < 4; i++) {
		pid_t pid = fork();

		assert_se(pid >= 0);
		if (pid == 0)
			_exit(*(char *)m.mem != 1);
		assert_se(waitpid(pid, NULL, 0) == pid);
	}
	assert_se(eventfd_write(m.exit_fd, 1) == 0);
	pthread_join(t, NULL);
	while (m.spaces) {
		Space *s = m.spaces;

		m.spaces = s->next;
		space_free(s);
	}
	return EXIT_SUCCESS;
}
