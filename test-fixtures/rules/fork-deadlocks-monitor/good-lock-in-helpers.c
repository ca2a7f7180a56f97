// style: CRIU-like list of children; the lock of the list is released before fork()
// observe: output 1 expected
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct child {
	int uffd;
	struct child *next;
};

struct server {
	int uffd;
	pthread_mutex_t mutex;
	struct child *children;
	struct child *spare;
	unsigned int expected;
};

static void server_lock(struct server *s)
{
	pthread_mutex_lock(&s->mutex);
}

static void server_unlock(struct server *s)
{
	pthread_mutex_unlock(&s->mutex);
}

static void *server_run(void *arg)
{
	struct server *s = arg;
	struct uffd_msg msg;

	usleep(100000);
	server_lock(s);
	if (read(s->uffd, &msg, sizeof(msg)) != sizeof(msg))
		err(1, "read");
	if (msg.event == UFFD_EVENT_FORK) {
		s->spare->uffd = msg.arg.fork.ufd;
		s->spare->next = s->children;
		s->children = s->spare;
		s->spare = NULL;
	}
	server_unlock(s);
	return NULL;
}

static pid_t server_fork(struct server *s)
{
	pid_t pid;

	server_lock(s);
	s->expected++;
	server_unlock(s);
	pid = fork();
	if (pid == 0)
		_exit(0);
	return pid;
}

static void server_open(struct server *s, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *mem = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* The reader must not allocate: fork() holds the locks of malloc while it waits. */
	s->spare = calloc(1, sizeof(*s->spare));
	if (mem == MAP_FAILED || !s->spare)
		err(1, "memory");
	s->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (s->uffd < 0)
		err(1, "userfaultfd");
	if (ioctl(s->uffd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	reg.range.start = (uintptr_t)mem;
	reg.range.len = size;
	if (ioctl(s->uffd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
}

int main(void)
{
	static struct server s = { .mutex = PTHREAD_MUTEX_INITIALIZER };
	pthread_t thread;
	pid_t pid;

	server_open(&s, 65536);
	if (pthread_create(&thread, NULL, server_run, &s))
		errx(1, "pthread_create");
	pid = server_fork(&s);
	if (pid < 0)
		err(1, "fork");
	pthread_join(thread, NULL);
	waitpid(pid, NULL, 0);
	printf("%u expected, served fd %d\n", s.expected, s.children ? s.children->uffd : -1);
	return 0;
}
