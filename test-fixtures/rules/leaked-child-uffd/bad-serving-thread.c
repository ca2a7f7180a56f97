// style: kernel selftest with err(); the child gets a thread of its own, with a malloc'ed argument
// observe: uffd-left 2
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define err(what) do { perror(what); exit(1); } while (0)

struct server {
	int uffd;
};

static int uffd, stop[2];
static unsigned long page_size;

static void zero_page(int fd, unsigned long addr)
{
	struct uffdio_zeropage z = { .range = { addr & ~(page_size - 1), page_size } };

	if (ioctl(fd, UFFDIO_ZEROPAGE, &z) && ioctl(fd, UFFDIO_WAKE, &z.range))
		err("wake");
}

static void *serve_child(void *arg)
{
	struct server *s = arg;
	struct pollfd p[2] = { { s->uffd, POLLIN, 0 }, { stop[0], POLLIN, 0 } };
	struct uffd_msg msg;

	while (poll(p, 2, -1) >= 0 && !p[1].revents) {
		if (read(s->uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_PAGEFAULT)
			zero_page(s->uffd, msg.arg.pagefault.address);
		else if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd); /* grandchildren are on their own */
	}
	free(s);
	return NULL; // expect: leaked-child-uffd
}

static void *serve_parent(void *arg)
{
	struct pollfd p[2] = { { uffd, POLLIN, 0 }, { stop[0], POLLIN, 0 } };
	struct uffd_msg msg;
	pthread_t thread = 0;

	while (poll(p, 2, -1) >= 0 && !p[1].revents) {
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_PAGEFAULT) {
			zero_page(uffd, msg.arg.pagefault.address);
		} else if (msg.event == UFFD_EVENT_FORK) {
			struct server *s = malloc(sizeof(*s));

			if (!s)
				err("malloc");
			s->uffd = msg.arg.fork.ufd;
			if (pthread_create(&thread, NULL, serve_child, s))
				err("pthread_create");
		}
	}
	if (thread)
		pthread_join(thread, NULL);
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;

	page_size = sysconf(_SC_PAGESIZE);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || pipe(stop))
		err("setup");
	reg.range.len = page_size;
	reg.range.start = (unsigned long)mmap(NULL, page_size, PROT_READ | PROT_WRITE,
					      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		err("UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, serve_parent, NULL))
		err("pthread_create");
	long pid = syscall(SYS_fork);
	if (pid == 0)
		syscall(SYS_exit_group, 0);
	waitpid(pid, NULL, 0);
	close(stop[1]);
	pthread_join(thread, NULL);
	return 0;
}
