/*
 * One thread for each address space.  A server thread that takes a FORK
 * message starts another server for the child and goes on.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct server {
	int fd;
	int generation;
	struct server *parent;
};

static unsigned char *arena;
static unsigned char *pattern;
static size_t page_size, arena_size;
static atomic_int live_servers;
static int max_servers = 2;

static void *server_main(void *arg);

static int server_spawn(struct server *parent, int fd)
{
	pthread_attr_t attr;
	pthread_t thread;
	struct server *s;
	int rc;

	if (atomic_load(&live_servers) >= max_servers)
		return EAGAIN;
	s = malloc(sizeof(*s));
	if (s == NULL)
		return ENOMEM;
	s->fd = fd;
	s->parent = parent;
	s->generation = parent ? parent->generation + 1 : 0;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	atomic_fetch_add(&live_servers, 1);
	rc = pthread_create(&thread, &attr, server_main, s);
	pthread_attr_destroy(&attr);
	if (rc != 0) {
		atomic_fetch_sub(&live_servers, 1);
		free(s);
		return rc;
	}
	return 0;
}

static int serve_fault(struct server *s, uint64_t address)
{
	struct uffdio_copy copy = {
		.dst = address - address % page_size,
		.src = (uintptr_t)pattern,
		.len = page_size,
	};

	for (;;) {
		if (ioctl(s->fd, UFFDIO_COPY, &copy) == 0)
			return 0;
		switch (errno) {
		case EAGAIN:
			continue;
		case EEXIST:
			return 0;
		case ESRCH:
			return -1;
		default:
			error(1, errno, "UFFDIO_COPY");
		}
	}
}

static void *server_main(void *arg)
{
	struct server *self = arg;
	struct uffd_msg msg;
	int rc = 0;

	while (rc == 0) {
		ssize_t n = read(self->fd, &msg, sizeof(msg));

		if (n != sizeof(msg)) {
			if (n < 0 && (errno == EINTR || errno == EAGAIN))
				continue;
			break;
		}
		if (msg.event == UFFD_EVENT_FORK) {
			int child = (int)msg.arg.fork.ufd;
			int error_code = server_spawn(self, child);

			if (error_code != 0) {
				fprintf(stderr, "generation %d: child not served: %s\n",
					self->generation, strerror(error_code));
				close(child);
			}
		} else if (msg.event == UFFD_EVENT_PAGEFAULT) {
			rc = serve_fault(self, msg.arg.pagefault.address);
		}
	}
	close(self->fd);
	free(self);
	atomic_fetch_sub(&live_servers, 1);
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg;
	int fd, rc, i;

	page_size = (size_t)sysconf(_SC_PAGESIZE);
	arena_size = 8 * page_size;
	arena = mmap(NULL, arena_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pattern = aligned_alloc(page_size, page_size);
	if (arena == MAP_FAILED || pattern == NULL)
		error(1, errno, "memory");
	memset(pattern, 'p', page_size);
	fd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0)
		error(1, errno, "userfaultfd");
	if (ioctl(fd, UFFDIO_API, &api) < 0)
		error(1, errno, "UFFDIO_API");
	memset(&reg, 0, sizeof(reg));
	reg.range.start = (uintptr_t)arena;
	reg.range.len = arena_size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		error(1, errno, "UFFDIO_REGISTER");
	rc = server_spawn(NULL, fd);
	if (rc != 0)
		error(1, rc, "server");
	arena[0] = 1;
	for (i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid < 0)
			error(1, errno, "fork");
		if (pid == 0)
			_exit(arena[0] == 1 ? 0 : 1);
		if (waitpid(pid, &rc, 0) < 0 || rc != 0)
			error(1, 0, "child %d", i);
	}
	return 0;
}
