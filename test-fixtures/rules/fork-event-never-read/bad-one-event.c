// style: struct ctx * thread argument; the reader ends with the first fork, the program forks twice
// observe: fork-blocked
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct ctx {
	int uffd;
	size_t page;
	int quit[2];
};

static void *reader(void *arg)
{
	struct ctx *c = arg;
	struct pollfd fds[2] = { { c->uffd, POLLIN, 0 }, { c->quit[0], POLLIN, 0 } };
	struct uffdio_zeropage z = { .range.len = c->page };
	struct uffd_msg msg;

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents)
			break;
		if (read(c->uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_FORK) {
			close(msg.arg.fork.ufd);
			break;
		}
		if (msg.event == UFFD_EVENT_PAGEFAULT) {
			z.range.start = msg.arg.pagefault.address & ~(c->page - 1);
			if (ioctl(c->uffd, UFFDIO_ZEROPAGE, &z) == -1)
				ioctl(c->uffd, UFFDIO_WAKE, &z.range);
		}
	}
	return NULL;
}

static void spawn_logger(void)
{
	if (fork() == 0)
		_exit(0);
}

static void spawn_worker(void)
{
	if (fork() == 0) // misses: fork-event-never-read -- a reader that ends by itself still counts as a reader (docs/limits.md)
		_exit(0);
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct ctx c = { .page = sysconf(_SC_PAGESIZE) };
	pthread_t thread;
	char *mem;

	c.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (c.uffd < 0 || ioctl(c.uffd, UFFDIO_API, &api) || pipe(c.quit))
		err(1, "userfaultfd");
	mem = mmap(NULL, c.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (unsigned long)mem;
	reg.range.len = c.page;
	if (mem == MAP_FAILED || ioctl(c.uffd, UFFDIO_REGISTER, &reg))
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, reader, &c))
		errx(1, "pthread_create");
	mem[0] = 1;
	spawn_logger();
	spawn_worker();
	while (wait(NULL) > 0)
		;
	close(c.quit[1]);
	pthread_join(thread, NULL);
	return 0;
}
