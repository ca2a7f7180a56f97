/*
 * setup() / pager / request handler sit in different functions and only
 * share what is in struct session.
 */
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
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

struct pager_conf {
	uint64_t features;
	int blocking;
};

struct session {
	const struct pager_conf *conf;
	int fd;
	char *data;
	size_t size;
	long psz;
	char *scratch;
	unsigned long served;
};

struct pager_arg {
	struct session *session;
	char name[16];
};

static const struct pager_conf default_conf = {
	.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_THREAD_ID,
	.blocking = 1,
};

static int session_setup(struct session *s, const struct pager_conf *conf)
{
	struct uffdio_api api;
	struct uffdio_register reg;
	int flags = O_CLOEXEC;

	s->conf = conf;
	s->psz = sysconf(_SC_PAGESIZE);
	s->size = 16 * s->psz;
	s->data = mmap(NULL, s->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s->scratch = aligned_alloc(s->psz, s->psz);
	if (s->data == MAP_FAILED || !s->scratch)
		return -1;
	memset(s->scratch, 0x42, s->psz);
	if (!conf->blocking)
		flags |= O_NONBLOCK;
	s->fd = syscall(__NR_userfaultfd, flags);
	if (s->fd < 0) {
		perror("userfaultfd");
		return -1;
	}
	api.api = UFFD_API;
	api.features = conf->features;
	api.ioctls = 0;
	if (ioctl(s->fd, UFFDIO_API, &api) != 0) {
		perror("UFFDIO_API");
		return -1;
	}
	reg.range.start = (uintptr_t)s->data;
	reg.range.len = s->size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(s->fd, UFFDIO_REGISTER, &reg) != 0) {
		perror("UFFDIO_REGISTER");
		return -1;
	}
	return 0;
}

static void session_fault(struct session *s, const struct uffd_msg *msg)
{
	struct uffdio_copy c;

	c.dst = msg->arg.pagefault.address & ~((uint64_t)s->psz - 1);
	c.src = (uintptr_t)s->scratch;
	c.len = s->psz;
	c.mode = 0;
	c.copy = 0;
	do {
		if (ioctl(s->fd, UFFDIO_COPY, &c) == 0)
			break;
	} while (errno == EAGAIN);
	s->served++;
}

static void *pager(void *p)
{
	struct pager_arg *arg = p;
	struct session *s = arg->session;
	struct uffd_msg msg;

	for (;;) {
		if (read(s->fd, &msg, sizeof(msg)) != (ssize_t)sizeof(msg)) {
			if (errno == EINTR)
				continue;
			fprintf(stderr, "%s: read: %s\n", arg->name, strerror(errno));
			free(arg);
			return NULL;
		}
		if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd);
		if (msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		session_fault(s, &msg);
	}
}

static int start_pager(struct session *s)
{
	struct pager_arg *arg = malloc(sizeof(*arg));
	pthread_t t;

	if (!arg)
		return -1;
	arg->session = s;
	snprintf(arg->name, sizeof(arg->name), "pager%d", s->fd);
	if (pthread_create(&t, NULL, pager, arg)) {
		free(arg);
		return -1;
	}
	pthread_detach(t);
	return 0;
}

static int handle_request(struct session *s, int page)
{
	pid_t pid;
	int st;

	s->data[0] = 1;
	pid = fork();
	if (pid == 0)
		_exit(s->data[page * s->psz] != 0x42 && page > 0);
	if (pid < 0)
		return -1;
	if (waitpid(pid, &st, 0) != pid)
		return -1;
	return WEXITSTATUS(st);
}

int main(void)
{
	struct session *s = calloc(1, sizeof(*s));
	int rc;

	if (!s || session_setup(s, &default_conf) || start_pager(s))
		return EXIT_FAILURE;
	rc = handle_request(s, 0);
	printf("request: %d, %lu pages\n", rc, s->served);
	return rc;
}
