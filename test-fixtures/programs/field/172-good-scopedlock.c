// style: scoped locks and descriptors, declared by macros with a clean-up behind the name
/* attribute((cleanup)) everywhere; steal_fd() moves ownership */
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
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static inline void closep(int *fd)
{
	if (*fd >= 0) {
		int e = errno;
		close(*fd);
		errno = e;
	}
}
static inline void freep(void *p) { free(*(void **)p); }
static inline void unlockp(pthread_mutex_t **m) { if (*m) pthread_mutex_unlock(*m); }
#define _cleanup_close_ __attribute__((cleanup(closep)))
#define _cleanup_free_ __attribute__((cleanup(freep)))
#define scoped_lock(m) \
	pthread_mutex_t *scope_lock_ __attribute__((cleanup(unlockp), unused)) = (pthread_mutex_lock(m), (m))
#define TAKE_FD(fd) ({ int *fd_ = &(fd), v_ = *fd_; *fd_ = -1; v_; })
#define TAKE_PTR(p) ({ typeof(p) *pp_ = &(p), v_ = *pp_; *pp_ = NULL; v_; })

typedef struct Space { int fd; struct Space *next; } Space;

typedef struct Manager {
	pthread_mutex_t lock;
	Space *spaces;
	int event;
	size_t page;
} Manager;

static int manager_add(Manager *m, int *fd_take)
{
	_cleanup_free_ Space *s = calloc(1, sizeof(Space));

	if (!s)
		return -ENOMEM;
	s->fd = TAKE_FD(*fd_take);
	{
		scoped_lock(&m->lock);
		s->next = m->spaces;
		m->spaces = TAKE_PTR(s);
	}
	return 0;
}

static int manager_open(Manager *m, void *at, size_t len)
{
	_cleanup_close_ int fd = -1;
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .range = { (uintptr_t)at, len }, .mode = UFFDIO_REGISTER_MODE_MISSING };

	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api) < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		return -errno;
	return manager_add(m, &fd);
}

static int manager_process(Manager *m, int fd)
{
	_cleanup_close_ int child = -1;
	struct uffd_msg msg;
	ssize_t n;

	n = read(fd, &msg, sizeof(msg));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n != sizeof(msg))
		return -EIO;

	switch (msg.event) {

	case UFFD_EVENT_FORK:
		child = msg.arg.fork.ufd;
		return manager_add(m, &child);

	case UFFD_EVENT_PAGEFAULT: {
		struct uffdio_zeropage z = { .range = {
			.start = msg.arg.pagefault.address & ~(m->page - 1), .len = m->page } };

		if (ioctl(fd, UFFDIO_ZEROPAGE, &z) >= 0)
			return 0;
		if (errno == ESRCH)
			return 0;
		return ioctl(fd, UFFDIO_WAKE, &z.range) < 0 ? -errno : 0;
	}

	default:
		return -EPROTO;
	}
}

static void *manager_thread(void *userdata)
{
	Manager *m = userdata;

	for (;;) {
		struct pollfd p[64];
		size_t n = 0;

		p[n++] = (struct pollfd){ .fd = m->event, .events = POLLIN };
		{
			scoped_lock(&m->lock);
			for (Space *s = m->spaces; s && n < 64; s = s->next)
				p[n++] = (struct pollfd){ .fd = s->fd, .events = POLLIN };
		}
		if (poll(p, n, -1) < 0 && errno != EINTR)
			return NULL;
		if (p[0].revents)
			return NULL;
		for (size_t i = 1; i < n; i++)
			if (p[i].revents && manager_process(m, p[i].fd) < 0)
				fprintf(stderr, "problem with %d\n", p[i].fd);
	}
}

static void manager_done(Manager *m)
{
	while (m->spaces) {
		_cleanup_free_ Space *s = m->spaces;
		_cleanup_close_ int fd = s->fd;

		m->spaces = s->next;
		(void)fd;
	}
}

static void managerp(Manager *m) { manager_done(m); }

int main(void)
{
	__attribute__((cleanup(managerp))) Manager m = {
		.lock = PTHREAD_MUTEX_INITIALIZER, .event = -1, .page = sysconf(_SC_PAGESIZE) };
	_cleanup_close_ int ev = eventfd(0, EFD_CLOEXEC);
	char *mem = mmap(NULL, 16 * m.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;
	int bad = 0;

	if (ev < 0 || mem == MAP_FAILED)
		return EXIT_FAILURE;
	m.event = ev;
	if (manager_open(&m, mem, 16 * m.page) < 0)
		return EXIT_FAILURE;
	if (pthread_create(&t, NULL, manager_thread, &m))
		return EXIT_FAILURE;
	for (int i = 0; i < 4; i++) {
		pid_t c = fork();
		if (c < 0)
			bad = 1;
		if (c == 0)
			_exit(mem[i * m.page]);
		int st;
		if (c > 0 && (waitpid(c, &st, 0) < 0 || st))
			bad = 1;
	}
	eventfd_write(ev, 1);
	pthread_join(t, NULL);
	printf("bad %d\n", bad);
	return bad;
}
