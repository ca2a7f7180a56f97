// style: a function that returns a child's descriptor or -errno, and a caller that looks at the sign only
// observe: uffd-left 4
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
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

struct region {
	void *base;
	size_t size;
	int fd;
	unsigned nforks;
};

static int region_setup(struct region *r, size_t pages)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int err;

	r->size = pages * getpagesize();
	r->base = mmap(NULL, r->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (r->base == MAP_FAILED)
		return -errno;
	r->fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (r->fd < 0) {
		err = -errno;
		goto unmap;
	}
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(r->fd, UFFDIO_API, &api)) {
		err = -errno;
		goto put;
	}
	reg.range.start = (__u64)(uintptr_t)r->base;
	reg.range.len = r->size;
	if (ioctl(r->fd, UFFDIO_REGISTER, &reg)) {
		err = -errno;
		goto put;
	}
	return 0;
put:
	close(r->fd);
unmap:
	munmap(r->base, r->size);
	return err;
}

/* The descriptor of the next child, or a negative error number. */
static int region_next_child(struct region *r)
{
	struct uffd_msg msg;
	ssize_t n;

	do {
		n = read(r->fd, &msg, sizeof(msg));
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	if (n < 0)
		return -errno;
	if (n != sizeof(msg))
		return -EIO;
	if (msg.event != UFFD_EVENT_FORK)
		return -EPROTO;
	return msg.arg.fork.ufd;
}

static void *count_forks(void *data)
{
	struct region *r = data;
	int ret;

	while ((ret = region_next_child(r)) >= 0) // expect: leaked-child-uffd
		r->nforks++;
	fprintf(stderr, "fork counter: %s\n", strerror(-ret));
	return NULL;
}

int main(void)
{
	struct region r = { .fd = -1 };
	pthread_t counter;
	int rc = region_setup(&r, 4), i;

	if (rc) {
		fprintf(stderr, "setup: %s\n", strerror(-rc));
		return EXIT_FAILURE;
	}
	rc = pthread_create(&counter, NULL, count_forks, &r);
	if (rc) {
		fprintf(stderr, "pthread_create: %s\n", strerror(rc));
		return EXIT_FAILURE;
	}
	for (i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return EXIT_FAILURE;
		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	usleep(20000); /* the reader may still be at the last event */
	return EXIT_SUCCESS;
}
