// style: messages read with readv() into a header and a rest; forks are closed
// observe: uffd-left 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

struct record {
	uint64_t serial;
	struct uffd_msg msg;
};

static struct record journal[64];
static unsigned head;

static const char *name_of(uint8_t event)
{
	static const char *const names[] = { "fault", "fork", "remap", "remove", "unmap" };

	return event >= 0x12 && event <= 0x16 ? names[event - 0x12] : "?";
}

static int journal_next(int fd)
{
	struct record *r = &journal[head % 64];
	struct iovec iov[2] = {
		{ .iov_base = &r->msg, .iov_len = sizeof(r->msg) },
		{ .iov_base = NULL, .iov_len = 0 },
	};
	ssize_t n = readv(fd, iov, 1);

	if (n != (ssize_t)sizeof(r->msg))
		return n < 0 && errno == EINTR ? 0 : -1;
	r->serial = head++;
	if (r->msg.event == UFFD_EVENT_FORK)
		close(r->msg.arg.fork.ufd);
	return 1;
}

static void *journal_thread(void *arg)
{
	const int *fd = arg;

	while (journal_next(*fd) >= 0)
		;
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = 8 * sysconf(_SC_PAGESIZE);
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	static int fd;
	pthread_t t;

	fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (fd < 0 || p == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) < 0) {
		perror("userfaultfd");
		return 1;
	}
	reg.range.start = (uintptr_t)p;
	reg.range.len = size;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0 || pthread_create(&t, NULL, journal_thread, &fd)) {
		perror("UFFDIO_REGISTER");
		return 1;
	}
	for (int i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	if (madvise(p, size / 2, MADV_DONTNEED) < 0)
		perror("madvise");
	for (unsigned i = 0; i < head; i++)
		printf("%llu %s\n", (unsigned long long)journal[i].serial, name_of(journal[i].msg.event));
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
