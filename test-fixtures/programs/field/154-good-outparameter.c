// style: the child comes back through a pointer, two calls up
/* out-parameters and structures returned by value */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

enum what { NOTHING, FAULT, BORN, FAILED };

struct step {
	enum what what;
	uint64_t addr;
};

static struct vm {
	int uffd;
	int extra[4];
	int n_extra;
	char *base, *img;
	size_t pg, len;
} vm = { .uffd = -1 };

static struct step next_step(int fd, int *child)
{
	struct step s = { .what = NOTHING };
	struct uffd_msg m;
	ssize_t n;

	do
		n = read(fd, &m, sizeof m);
	while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return s;
	if (n != (ssize_t)sizeof m) {
		s.what = FAILED;
	} else if (m.event == UFFD_EVENT_FORK) {
		*child = m.arg.fork.ufd;
		s.what = BORN;
	} else if (m.event == UFFD_EVENT_PAGEFAULT) {
		s.addr = m.arg.pagefault.address & ~(uint64_t)(vm.pg - 1);
		s.what = FAULT;
	}
	return s;
}

static bool supply(int fd, uint64_t addr)
{
	struct uffdio_copy c = { .dst = addr, .src = (uintptr_t)vm.img + (addr - (uintptr_t)vm.base), .len = vm.pg };
	struct uffdio_range r = { addr, vm.pg };

	if (!ioctl(fd, UFFDIO_COPY, &c))
		return true;
	switch (errno) {
	case EEXIST:
	case EAGAIN:
		return !ioctl(fd, UFFDIO_WAKE, &r);
	default:
		return errno == ESRCH;
	}
}

static bool serve(int fd)
{
	int child = -1;
	struct step s = next_step(fd, &child);

	switch (s.what) {
	case BORN:
		if (vm.n_extra == 4) {
			close(child);
			return true;
		}
		vm.extra[vm.n_extra++] = child;
		return true;
	case FAULT:
		return supply(fd, s.addr);
	case NOTHING:
		return true;
	case FAILED:
		break;
	}
	return false;
}

static void *loop(void *unused)
{
	while (serve(vm.uffd)) {
		for (int i = 0; i < vm.n_extra; i++)
			if (!serve(vm.extra[i]))
				return unused;
		usleep(250);
	}
	return unused;
}

static int vm_open(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = {
		.range = { (uintptr_t)vm.base, vm.len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd == -1)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api) == -1 || ioctl(fd, UFFDIO_REGISTER, &reg) == -1) {
		int e = errno;

		close(fd);
		return -e;
	}
	return fd;
}

int main(void)
{
	pthread_t t;
	pid_t p;
	int st;

	vm.pg = sysconf(_SC_PAGESIZE);
	vm.len = 8 * vm.pg;
	vm.base = mmap(0, vm.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	vm.img = malloc(vm.len);
	if (vm.base == MAP_FAILED || !vm.img)
		return 1;
	memset(vm.img, 'v', vm.len);
	if ((vm.uffd = vm_open()) < 0)
		return fprintf(stderr, "vm_open: %s\n", strerror(-vm.uffd)), 1;
	if (pthread_create(&t, 0, loop, 0))
		return 1;
	if ((p = fork()) == 0)
		_exit(vm.base[vm.pg] != 'v');
	if (p < 0 || waitpid(p, &st, 0) < 0)
		return 1;
	printf("child %d, parent %c\n", st, vm.base[3 * vm.pg]);
	return st;
}
