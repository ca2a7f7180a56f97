// style: batch read, every message used
// observe: uffd-left 1
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
#include <sys/wait.h>
#include <unistd.h>

#define err(fmt, ...)                                                          \
	do {                                                                   \
		fprintf(stderr, "ERROR: " fmt " (line %d)\n", ##__VA_ARGS__,   \
			__LINE__);                                             \
		exit(1);                                                       \
	} while (0)

static int uffd = -1;
static char *area;
static size_t page_size;
static int pipefd[2];

static void uffd_open(uint64_t features)
{
	struct uffdio_api api;

	uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0)
		err("userfaultfd");
	api.api = UFFD_API;
	api.features = features;
	if (ioctl(uffd, UFFDIO_API, &api))
		err("UFFDIO_API");
}

static void uffd_register(void)
{
	struct uffdio_register reg;

	area = mmap(NULL, 4 * page_size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		err("mmap");
	reg.range.start = (unsigned long)area;
	reg.range.len = 4 * page_size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		err("register");
}

static void fill(int fd, unsigned long address)
{
	struct uffdio_zeropage zero = {
		.range = { .start = address & ~(page_size - 1), .len = page_size },
	};

	if (ioctl(fd, UFFDIO_ZEROPAGE, &zero) && errno != EEXIST && errno != EAGAIN)
		err("zeropage");
}

static void handle(const struct uffd_msg *msg)
{
	switch (msg->event) {
	case UFFD_EVENT_PAGEFAULT:
		fill(uffd, msg->arg.pagefault.address);
		break;
	case UFFD_EVENT_FORK:
		close(msg->arg.fork.ufd);
		break;
	}
}

static void *reader(void *arg)
{
	struct uffd_msg msgs[16];
	struct pollfd fds[2] = { { uffd, POLLIN, 0 }, { pipefd[0], POLLIN, 0 } };
	ssize_t n;

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			err("poll");
		if (fds[1].revents)
			return NULL;
		usleep(100 * 1000); // let a batch come together
		n = read(uffd, msgs, sizeof(msgs));
		if (n < (ssize_t)sizeof(msgs[0]))
			continue;
		for (size_t i = 0; i < n / sizeof(msgs[0]); i++)
			handle(&msgs[i]);
	}
}

static void *forker(void *arg)
{
	long pid = syscall(SYS_fork);

	if (pid == 0)
		syscall(SYS_exit_group, 0);
	waitpid(pid, NULL, 0);
	return NULL;
}

int main(void)
{
	pthread_t thread, forkers[3];
	int i;

	page_size = sysconf(_SC_PAGESIZE);
	if (pipe(pipefd))
		err("pipe");
	uffd_open(UFFD_FEATURE_EVENT_FORK);
	uffd_register();
	if (pthread_create(&thread, NULL, reader, NULL))
		err("thread");
	for (i = 0; i < 3; i++)
		if (pthread_create(&forkers[i], NULL, forker, NULL))
			err("thread");
	for (i = 0; i < 3; i++)
		pthread_join(forkers[i], NULL);
	if (write(pipefd[1], "", 1) != 1)
		err("write");
	pthread_join(thread, NULL);
	return 0;
}
