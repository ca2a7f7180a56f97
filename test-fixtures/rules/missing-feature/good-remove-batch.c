// style: kernel selftest with err(); batch read of 16 messages, FORK and REMOVE asked for and handled
// observe: uffd-left 1
// observe: output removed pages: 2
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

#define err(fmt, ...)                                                   \
	do {                                                            \
		fprintf(stderr, "ERROR: " fmt ": %m\n", ##__VA_ARGS__); \
		exit(1);                                                \
	} while (0)

static int uffd = -1;
static int pipefd[2];
static unsigned long page_size, nr_pages = 8;
static unsigned long removed;

static void handle_message(struct uffd_msg *msg)
{
	struct uffdio_zeropage zero = { 0 };

	switch (msg->event) {
	case UFFD_EVENT_PAGEFAULT:
		zero.range.start = msg->arg.pagefault.address & ~(page_size - 1);
		zero.range.len = page_size;
		if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero) && ioctl(uffd, UFFDIO_WAKE, &zero.range))
			err("wake");
		break;
	case UFFD_EVENT_FORK:
		close(msg->arg.fork.ufd);
		break;
	case UFFD_EVENT_REMOVE:
		removed += (msg->arg.remove.end - msg->arg.remove.start) / page_size;
		break;
	}
}

static void *uffd_poll_thread(void *arg)
{
	struct pollfd pollfd[2] = { { uffd, POLLIN, 0 }, { pipefd[0], POLLIN, 0 } };
	struct uffd_msg msgs[16];
	ssize_t ret;

	for (;;) {
		if (poll(pollfd, 2, -1) <= 0)
			err("poll");
		if (pollfd[1].revents)
			return NULL;
		ret = read(uffd, msgs, sizeof(msgs));
		if (ret < 0) {
			if (errno == EAGAIN || errno == EINTR)
				continue;
			err("blocking read error");
		}
		for (int i = 0; i < ret / (ssize_t)sizeof(msgs[0]); i++)
			handle_message(&msgs[i]);
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;
	char *area;

	page_size = sysconf(_SC_PAGESIZE);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || pipe(pipefd))
		err("userfaultfd");
	api.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE;
	if (ioctl(uffd, UFFDIO_API, &api))
		err("UFFDIO_API");
	area = mmap(NULL, nr_pages * page_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		err("mmap");
	reg.range.start = (unsigned long)area;
	reg.range.len = nr_pages * page_size;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		err("register failure");
	if (pthread_create(&thread, NULL, uffd_poll_thread, NULL))
		err("pthread_create");
	for (unsigned long i = 0; i < nr_pages; i++)
		area[i * page_size] = 1;
	if (fork() == 0)
		_exit(0);
	wait(NULL);
	if (madvise(area, 2 * page_size, MADV_DONTNEED))
		err("madvise");
	close(pipefd[1]);
	pthread_join(thread, NULL);
	printf("removed pages: %lu\n", removed);
	return 0;
}
