// style: a store that writes its snapshot in a child of fork()
/*
 * A key/value store that starts instantly: values come in lazily from the
 * dump file.  BGSAVE forks a process which writes a new dump from its copy.
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

#define SLOT 4096UL
#define SLOTS 50UL

struct dump {
	int fd;
	char *map;
};

struct lazy {
	int fd;
	int quit[2];
	bool active;
	pthread_t loader;
	unsigned loaded;
};

struct store {
	struct dump dump;
	struct lazy lazy;
	char *values;
};

static int uffd_ioctl(int fd, unsigned long req, void *arg)
{
	int rc;

	do {
		rc = ioctl(fd, req, arg);
	} while (rc < 0 && errno == EINTR);
	return rc < 0 ? -errno : 0;
}

static int load_slot(struct store *s, unsigned long slot)
{
	struct uffdio_copy c = {
		.dst = (uintptr_t)s->values + slot * SLOT,
		.src = (uintptr_t)s->dump.map + slot * SLOT,
		.len = SLOT,
	};
	int rc = uffd_ioctl(s->lazy.fd, UFFDIO_COPY, &c);

	if (rc == -EEXIST) {
		struct uffdio_range r = { c.dst, SLOT };

		return uffd_ioctl(s->lazy.fd, UFFDIO_WAKE, &r);
	}
	if (rc == 0)
		__atomic_fetch_add(&s->lazy.loaded, 1, __ATOMIC_RELAXED);
	return rc;
}

static void *loader_main(void *arg)
{
	struct store *s = arg;
	struct pollfd p[2] = {
		{ .fd = s->lazy.fd, .events = POLLIN },
		{ .fd = s->lazy.quit[0], .events = POLLIN },
	};
	struct uffd_msg msg;

	while (poll(p, 2, -1) >= 0 || errno == EINTR) {
		if (p[1].revents)
			break;
		if (read(s->lazy.fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		if (load_slot(s, (msg.arg.pagefault.address - (uintptr_t)s->values) / SLOT))
			abort();
	}
	return NULL;
}

static int lazy_begin(struct store *s)
{
	struct uffdio_api api = { .api = UFFD_API, .features = 0 };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct lazy *l = &s->lazy;
	int rc;

	if (pipe2(l->quit, O_CLOEXEC) < 0)
		return -errno;
	l->fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (l->fd < 0) {
		rc = -errno;
		goto fail_pipe;
	}
	rc = uffd_ioctl(l->fd, UFFDIO_API, &api);
	if (rc)
		goto fail_fd;
	reg.range.start = (uintptr_t)s->values;
	reg.range.len = SLOTS * SLOT;
	rc = uffd_ioctl(l->fd, UFFDIO_REGISTER, &reg);
	if (rc)
		goto fail_fd;
	rc = -pthread_create(&l->loader, NULL, loader_main, s);
	if (rc)
		goto fail_fd;
	l->active = true;
	return 0;
fail_fd:
	close(l->fd);
fail_pipe:
	close(l->quit[0]);
	close(l->quit[1]);
	return rc;
}

/* Load what is still missing and give up the userfaultfd. */
static int lazy_complete(struct store *s)
{
	struct uffdio_range all = { (uintptr_t)s->values, SLOTS * SLOT };
	int rc;

	if (!s->lazy.active)
		return 0;
	for (unsigned long i = 0; i < SLOTS; i++) {
		rc = load_slot(s, i);
		if (rc)
			return rc;
	}
	rc = uffd_ioctl(s->lazy.fd, UFFDIO_UNREGISTER, &all);
	if (rc)
		return rc;
	if (write(s->lazy.quit[1], "", 1) != 1)
		return -errno;
	pthread_join(s->lazy.loader, NULL);
	close(s->lazy.fd);
	close(s->lazy.quit[0]);
	close(s->lazy.quit[1]);
	s->lazy.fd = -1;
	s->lazy.active = false;
	return 0;
}

static int store_open(struct store *s)
{
	s->dump.fd = memfd_create("dump.rdb", MFD_CLOEXEC);
	if (s->dump.fd < 0)
		return -errno;
	if (ftruncate(s->dump.fd, SLOTS * SLOT) < 0)
		return -errno;
	s->dump.map = mmap(NULL, SLOTS * SLOT, PROT_READ | PROT_WRITE,
			   MAP_SHARED, s->dump.fd, 0);
	if (s->dump.map == MAP_FAILED)
		return -errno;
	for (unsigned long i = 0; i < SLOTS; i++)
		snprintf(s->dump.map + i * SLOT, SLOT, "value-%lu", i);
	s->values = mmap(NULL, SLOTS * SLOT, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->values == MAP_FAILED)
		return -errno;
	return lazy_begin(s);
}

static const char *store_get(struct store *s, unsigned long key)
{
	return s->values + key * SLOT;
}

static int save_child(struct store *s, int out)
{
	for (unsigned long i = 0; i < SLOTS; i++) {
		const char *v = store_get(s, i);

		if (write(out, v, strlen(v) + 1) < 0)
			return 1;
	}
	return 0;
}

static int store_bgsave(struct store *s, int out)
{
	pid_t pid;
	int st;

	/* the child cannot load anything */
	st = lazy_complete(s);
	if (st < 0)
		return st;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(save_child(s, out));
	while (waitpid(pid, &st, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return st ? -EIO : 0;
}

int main(void)
{
	static struct store s = { .lazy.fd = -1 };
	char buf[4096];
	int rc, out, lost = 0;
	char *p;
	ssize_t n;

	rc = store_open(&s);
	if (rc < 0) {
		fprintf(stderr, "store: %s\n", strerror(-rc));
		return 1;
	}
	printf("get 7: %s\n", store_get(&s, 7));
	fflush(stdout);
	out = memfd_create("new.rdb", MFD_CLOEXEC);
	rc = out < 0 ? -errno : store_bgsave(&s, out);
	if (rc < 0) {
		fprintf(stderr, "bgsave: %s\n", strerror(-rc));
		return 1;
	}
	n = pread(out, buf, sizeof(buf), 0);
	p = buf;
	for (unsigned long i = 0; i < SLOTS && p < buf + n; i++, p += strlen(p) + 1)
		lost += strncmp(p, "value-", 6) != 0;
	rc = lazy_complete(&s);
	printf("get 9: %s, lost in dump: %d, loaded %u, rc %d\n", store_get(&s, 9),
	       lost, s.lazy.loaded, rc);
	return lost || rc;
}
