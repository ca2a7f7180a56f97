// style: a case range takes all events that are no page fault
// observe: uffd-left 2
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

#define unlikely(x) __builtin_expect(!!(x), 0)
#define ensure(x) ({ __auto_type __r = (x); if (unlikely(__r < 0)) fatal(#x); __r; })

struct vm {
	int fd;
	void *ram;
	size_t ram_size;
	unsigned long faults, ignored;
};

static void __attribute__((noreturn, cold)) fatal(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(EXIT_FAILURE);
}

static void vm_fault(struct vm *vm, __u64 address)
{
	struct uffdio_zeropage zp = { .range = { address & ~4095ULL, 4096 } };

	vm->faults++;
	if (ioctl(vm->fd, UFFDIO_ZEROPAGE, &zp) < 0 && errno != EEXIST)
		fatal("zeropage");
}

static void *vm_pager(void *opaque)
{
	struct vm *vm = opaque;
	struct uffd_msg msg;

	while (read(vm->fd, &msg, sizeof(msg)) == sizeof(msg)) {
		switch (msg.event) { // expect: unhandled-fork-event
		case UFFD_EVENT_PAGEFAULT:
			vm_fault(vm, msg.arg.pagefault.address);
			break;
		case UFFD_EVENT_FORK ... UFFD_EVENT_UNMAP:
			vm->ignored++;
			break;
		case 0 ... UFFD_EVENT_PAGEFAULT - 1:
		case UFFD_EVENT_UNMAP + 1 ... 0xff:
			fatal("event");
		}
	}
	return NULL;
}

static void vm_init(struct vm *vm, size_t size)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	vm->ram_size = size ?: 1 << 16;
	vm->ram = mmap(NULL, vm->ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->ram == MAP_FAILED)
		fatal("mmap");
	vm->fd = ensure(syscall(__NR_userfaultfd, O_CLOEXEC));
	ensure(ioctl(vm->fd, UFFDIO_API, &api));
	reg.range.start = (uintptr_t)vm->ram;
	reg.range.len = vm->ram_size;
	ensure(ioctl(vm->fd, UFFDIO_REGISTER, &reg));
}

int main(void)
{
	static struct vm vm;
	pthread_t pager;
	typeof(fork()) pid;

	vm_init(&vm, 0);
	ensure(-pthread_create(&pager, NULL, vm_pager, &vm));
	*(volatile char *)vm.ram = 1;
	pid = ensure(fork());
	if (pid == 0)
		_exit(0);
	ensure(waitpid(pid, NULL, 0));
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
