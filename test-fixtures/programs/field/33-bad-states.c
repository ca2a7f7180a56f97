#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* connection-like state machine: closed -> open -> ready -> armed */

enum st { ST_CLOSED, ST_OPEN, ST_READY, ST_ARMED, ST_FAILED };

struct fsm {
	enum st st;
	int fd;
	int error;
	bool from_dev;
	uint8_t *mem;
	size_t len;
};

#ifndef USERFAULTFD_IOC_NEW
#define USERFAULTFD_IOC_NEW _IO(0xAA, 0x00)
#endif

static int make_fd(bool dev)
{
	int fd, d;

	if (!dev)
		return syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	d = open("/dev/userfaultfd", O_RDWR | O_CLOEXEC);
	if (d < 0)
		return -1;
	fd = ioctl(d, USERFAULTFD_IOC_NEW, O_CLOEXEC | O_NONBLOCK);
	close(d);
	return fd;
}

static bool fsm_fail(struct fsm *f)
{
	f->error = errno ? errno : EIO;
	if (f->fd >= 0) {
		close(f->fd);
		f->fd = -1;
	}
	f->st = ST_FAILED;
	return false;
}

/* One transition; false when there is nothing left to do. */
static bool fsm_step(struct fsm *f)
{
	struct uffdio_api api;
	struct uffdio_register reg;

	switch (f->st) {
	case ST_CLOSED:
		f->fd = make_fd(f->from_dev);
		if (f->fd < 0)
			return fsm_fail(f);
		/* the device hands out descriptors that are ready */
		f->st = f->from_dev ? ST_READY : ST_OPEN;
		return true;
	case ST_OPEN:
		memset(&api, 0, sizeof(api));
		api.api = UFFD_API;
		if (ioctl(f->fd, UFFDIO_API, &api) < 0)
			return fsm_fail(f);
		f->st = ST_READY;
		return true;
	case ST_READY:
		memset(&reg, 0, sizeof(reg));
		reg.range.start = (uintptr_t)f->mem;
		reg.range.len = f->len;
		reg.mode = UFFDIO_REGISTER_MODE_MISSING;
		if (ioctl(f->fd, UFFDIO_REGISTER, &reg) < 0) // expect: missing-api-handshake
			return fsm_fail(f);
		f->st = ST_ARMED;
		return true;
	case ST_ARMED:
	case ST_FAILED:
		break;
	}
	return false;
}

static void *serve(void *arg)
{
	struct fsm *f = arg;
	struct pollfd p = { .fd = f->fd, .events = POLLIN };
	size_t psz = sysconf(_SC_PAGESIZE);
	struct uffd_msg m;

	while (poll(&p, 1, -1) == 1) {
		if (p.revents & POLLERR)
			break;
		if (read(f->fd, &m, sizeof(m)) != sizeof(m))
			continue;
		if (m.event == UFFD_EVENT_PAGEFAULT) {
			struct uffdio_zeropage z = {
				.range = { m.arg.pagefault.address & ~(uint64_t)(psz - 1), psz },
			};

			ioctl(f->fd, UFFDIO_ZEROPAGE, &z);
		}
	}
	return NULL;
}

int main(int argc, char **argv)
{
	struct fsm f = { .st = ST_CLOSED, .fd = -1, .from_dev = true };
	pthread_t t;

	if (argc > 1 && strcmp(argv[1], "--syscall") == 0)
		f.from_dev = false;
	f.len = 4 * sysconf(_SC_PAGESIZE);
	f.mem = mmap(NULL, f.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (f.mem == MAP_FAILED)
		return 1;
	while (fsm_step(&f))
		;
	if (f.st != ST_ARMED) {
		fprintf(stderr, "not armed: %s\n", strerror(f.error));
		return 1;
	}
	if (pthread_create(&t, NULL, serve, &f))
		return 1;
	printf("%d\n", f.mem[17]);
	return 0;
}
