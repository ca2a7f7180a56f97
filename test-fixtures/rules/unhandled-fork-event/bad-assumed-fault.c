// style: batch read of 16 messages, each one taken for a page fault
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

struct region {
	int uffd;
	int wake[2];
	char *base;
	unsigned long page;
};

static void resolve(struct region *r, unsigned long addr)
{
	struct uffdio_zeropage zp;

	zp.range.start = addr & ~(r->page - 1);
	zp.range.len = r->page;
	zp.mode = 0;
	if (ioctl(r->uffd, UFFDIO_ZEROPAGE, &zp) == 0)
		return;
	if (ioctl(r->uffd, UFFDIO_WAKE, &zp.range) < 0)
		perror("UFFDIO_WAKE");
}

static void *reader(void *arg)
{
	struct region *r = arg;
	struct pollfd pfd[2] = {
		{ .fd = r->uffd, .events = POLLIN },
		{ .fd = r->wake[0], .events = POLLIN },
	};
	struct uffd_msg batch[16];
	ssize_t got;

	while (poll(pfd, 2, -1) > 0 && !pfd[1].revents) {
		got = read(r->uffd, batch, sizeof(batch)); // reports-wrongly: unhandled-fork-event -- the right defect, at the read instead of the first use
		if (got < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			perror("read");
			exit(EXIT_FAILURE);
		}
		for (size_t i = 0; i < got / sizeof(batch[0]); i++)
			resolve(r, batch[i].arg.pagefault.address); // misses: unhandled-fork-event -- the first use of arg is not followed into a later message of a batch
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { UFFD_API, UFFD_FEATURE_EVENT_FORK, 0 };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct region r = { .page = sysconf(_SC_PAGESIZE) };
	pthread_t thread;

	r.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (r.uffd == -1 || ioctl(r.uffd, UFFDIO_API, &api) == -1 || pipe(r.wake) == -1) {
		perror("userfaultfd");
		return 1;
	}
	r.base = mmap(NULL, 8 * r.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (unsigned long)r.base;
	reg.range.len = 8 * r.page;
	if (r.base == MAP_FAILED || ioctl(r.uffd, UFFDIO_REGISTER, &reg) == -1) {
		perror("UFFDIO_REGISTER");
		return 1;
	}
	if (pthread_create(&thread, NULL, reader, &r) != 0)
		return 1;
	for (int i = 0; i < 4; i++)
		r.base[i * r.page] = i;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	close(r.wake[1]);
	pthread_join(thread, NULL);
	return 0;
}
