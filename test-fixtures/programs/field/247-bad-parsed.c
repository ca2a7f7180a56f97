// style: messages parsed into records that are returned and passed on
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

/* tagged unions, as somebody who writes Rust would */
typedef enum { MSG_NONE, MSG_FAULT, MSG_CHILD, MSG_UNKNOWN } msg_tag;
typedef struct {
	msg_tag tag;
	union {
		struct { uintptr_t addr; bool write; } fault;
		struct { int fd; } child;
	} u;
} msg_t;

typedef struct { int fd; bool alive; } entry_t;
typedef struct { entry_t *v; size_t len, cap; } entries_t;
typedef struct {
	entries_t entries;
	size_t page;
	int stop;
} engine_t;

static bool entries_push(entries_t *e, int fd)
{
	if (e->len == e->cap) {
		size_t cap = e->cap + 8;
		entry_t *v = reallocarray(e->v, cap, sizeof *v);

		if (v == NULL)
			return false;
		e->v = v;
		e->cap = cap;
	}
	e->v[e->len++] = (entry_t){ .fd = fd, .alive = true };
	return true;
}

static msg_t msg_parse(const struct uffd_msg *raw)
{
	msg_t m = { .tag = MSG_UNKNOWN };

	switch (raw->event) {
	case UFFD_EVENT_PAGEFAULT:
		m.tag = MSG_FAULT;
		m.u.fault.addr = raw->arg.pagefault.address;
		m.u.fault.write = raw->arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WRITE;
		break;
	case UFFD_EVENT_FORK: // expect: leaked-child-uffd
		m.tag = MSG_CHILD;
		m.u.child.fd = (int)raw->arg.fork.ufd;
		break;
	}
	return m;
}

static msg_t msg_next(int fd)
{
	struct uffd_msg raw;

	if (read(fd, &raw, sizeof raw) != sizeof raw)
		return (msg_t){ .tag = MSG_NONE };
	return msg_parse(&raw);
}

static void resolve(int fd, uintptr_t addr, size_t page)
{
	struct uffdio_zeropage z = { .range = { .start = addr & ~(page - 1), .len = page } };

	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
}

static void step(engine_t *e, size_t i)
{
	for (;;) {
		msg_t m = msg_next(e->entries.v[i].fd);

		switch (m.tag) {
		case MSG_NONE:
			return;
		case MSG_FAULT:
			resolve(e->entries.v[i].fd, m.u.fault.addr, e->page);
			break;
		case MSG_CHILD:
			if (e->entries.len > 2)
				break;
			if (!entries_push(&e->entries, m.u.child.fd))
				close(m.u.child.fd);
			break;
		case MSG_UNKNOWN:
			fprintf(stderr, "unknown message\n");
			break;
		}
	}
}

static void *engine_run(void *arg)
{
	engine_t *e = arg;

	for (;;) {
		struct pollfd p[32];
		size_t n = e->entries.len;
		bool quit;

		if (n > 31)
			n = 31;
		for (size_t i = 0; i < n; i++)
			p[i] = (struct pollfd){ .fd = e->entries.v[i].fd, .events = POLLIN };
		p[n] = (struct pollfd){ .fd = e->stop, .events = POLLIN };
		quit = poll(p, n + 1, -1) > 0 && p[n].revents != 0;
		if (!quit)
			for (size_t i = 0; i < n; i++)
				if (p[i].revents & POLLIN)
					step(e, i);
		if (quit)
			return NULL;
	}
}

static int new_uffd(uint64_t want)
{
	int fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API, .features = want };

	if (fd >= 0 && ioctl(fd, UFFDIO_API, &api) != 0) {
		close(fd);
		fd = -1;
	}
	return fd;
}

int main(void)
{
	engine_t e = { .page = (size_t)sysconf(_SC_PAGESIZE) };
	size_t len = 6 * e.page;
	int p[2], fd;
	char *mem;
	pthread_t th;

	if (pipe2(p, O_CLOEXEC) != 0)
		return 1;
	e.stop = p[0];
	if ((fd = new_uffd(UFFD_FEATURE_EVENT_FORK)) < 0)
		return 1;
	if (!entries_push(&e.entries, fd))
		return 1;
	mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return 1;
	if (ioctl(fd, UFFDIO_REGISTER, &(struct uffdio_register){ .range = { (uintptr_t)mem, len }, .mode = UFFDIO_REGISTER_MODE_MISSING }) != 0)
		return 1;
	if (pthread_create(&th, NULL, engine_run, &e) != 0)
		return 1;
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			mem[i * e.page] = 1;
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	mem[5 * e.page] = 1;
	close(p[1]);
	pthread_join(th, NULL);
	for (size_t i = 0; i < e.entries.len; i++)
		close(e.entries.v[i].fd);
	free(e.entries.v);
	return 0;
}
