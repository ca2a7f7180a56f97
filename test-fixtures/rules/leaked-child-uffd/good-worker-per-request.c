// style: a server that forks a worker per request; the fork event counts it and closes its descriptor
// setup: nofile 16
// observe: uffd-left 1
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define REQUESTS 24

struct server {
	int uffd;
	int stop[2];
	unsigned workers;
	struct uffdio_range cache;
};

static void load_cache(struct server *s, int fd)
{
	struct uffdio_zeropage zero = { .range = s->cache };

	/* already there, or the address space is changing: the thread faults again */
	if (ioctl(fd, UFFDIO_ZEROPAGE, &zero) == -1)
		ioctl(fd, UFFDIO_WAKE, &s->cache);
}

static bool next_message(struct server *s, struct uffd_msg *msg)
{
	struct pollfd fds[] = { { s->uffd, POLLIN, 0 }, { s->stop[0], POLLIN, 0 } };

	do {
		if (poll(fds, 2, -1) == -1)
			err(1, "poll");
		if (fds[1].revents)
			return false;
	} while (read(s->uffd, msg, sizeof(*msg)) != sizeof(*msg));
	return true;
}

static void *loader(void *arg)
{
	struct server *s = arg;
	struct uffd_msg msg;

	while (next_message(s, &msg)) {
		if (msg.event == UFFD_EVENT_FORK) {
			s->workers++;
			close(msg.arg.fork.ufd); // a worker does not use the cache
		} else if (msg.event == UFFD_EVENT_PAGEFAULT) {
			load_cache(s, s->uffd);
		}
	}
	return NULL;
}

static void serve_requests(void)
{
	for (int i = 0; i < REQUESTS; i++) {
		pid_t worker = fork();

		if (worker == -1)
			err(1, "fork");
		if (worker == 0)
			_exit(0);
		waitpid(worker, NULL, 0);
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct server s = { .cache.len = sysconf(_SC_PAGESIZE) };
	pthread_t thread;
	void *cache = mmap(NULL, s.cache.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (cache == MAP_FAILED || pipe(s.stop) == -1)
		err(1, "setup");
	s.cache.start = (unsigned long)cache;
	s.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (s.uffd == -1)
		err(1, "userfaultfd");
	if (ioctl(s.uffd, UFFDIO_API, &api) == -1)
		err(1, "UFFDIO_API");
	reg.range = s.cache;
	if (ioctl(s.uffd, UFFDIO_REGISTER, &reg) == -1)
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, loader, &s) != 0)
		errx(1, "pthread_create");
	serve_requests();
	close(s.stop[1]);
	pthread_join(thread, NULL);
	return s.workers > REQUESTS;
}
