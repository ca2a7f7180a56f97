/*
 * Tiny VMM: live snapshot of guest memory while vCPU threads run.
 *
 * The snapshot is written by a forked process, as Redis does it; write
 * tracking for the next incremental snapshot uses userfaultfd-wp.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
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

#define NR_VCPUS 2
#define GUEST_PAGES 64

struct vcpu {
	int index;
	pthread_t thread;
	struct vm *vm;
};

struct vm {
	uint8_t *ram;
	size_t ram_size;
	size_t page_size;
	int uffd;
	int quit_pipe[2];
	pthread_t pager;
	struct vcpu vcpus[NR_VCPUS];
	atomic_bool stop;
	atomic_ulong dirty;
	uint8_t *backing;
};

static void fatal(const char *what) __attribute__((noreturn));
static void fatal(const char *what)
{
	fprintf(stderr, "vmm: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void load_page(struct vm *vm, uint64_t gva)
{
	uint64_t off = (gva - (uintptr_t)vm->ram) & ~(vm->page_size - 1);
	struct uffdio_copy copy = {
		.dst = (uintptr_t)vm->ram + off,
		.src = (uintptr_t)vm->backing + off,
		.len = vm->page_size,
	};

	if (ioctl(vm->uffd, UFFDIO_COPY, &copy) == -1 && errno != EEXIST)
		fatal("UFFDIO_COPY");
	atomic_fetch_add(&vm->dirty, 1);
}

static void *pager_thread(void *opaque)
{
	struct vm *vm = opaque;
	struct pollfd fds[2] = {
		{ .fd = vm->uffd, .events = POLLIN },
		{ .fd = vm->quit_pipe[0], .events = POLLIN },
	};

	for (;;) {
		struct uffd_msg msg;
		ssize_t got;

		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			fatal("poll");
		}
		if (fds[1].revents)
			return NULL;
		got = read(vm->uffd, &msg, sizeof(msg));
		if (got < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (got != sizeof(msg))
			fatal("read");
		if (msg.event == UFFD_EVENT_PAGEFAULT)
			load_page(vm, msg.arg.pagefault.address);
	}
}

static void *vcpu_thread(void *opaque)
{
	struct vcpu *v = opaque;
	size_t i = v->index;

	while (!atomic_load(&v->vm->stop)) {
		v->vm->ram[i % GUEST_PAGES / 2 * v->vm->page_size]++;
		i += NR_VCPUS;
		usleep(100);
	}
	return NULL;
}

static void vm_memory_init(struct vm *vm)
{
	struct uffdio_api api = { .api = UFFD_API, .features = 0 };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	vm->page_size = sysconf(_SC_PAGESIZE);
	vm->ram_size = GUEST_PAGES * vm->page_size;
	vm->ram = mmap(NULL, vm->ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	vm->backing = mmap(NULL, vm->ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (vm->ram == MAP_FAILED || vm->backing == MAP_FAILED)
		fatal("mmap");
	memset(vm->backing, 0x5a, vm->ram_size);

	vm->uffd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (vm->uffd < 0)
		fatal("userfaultfd");
	if (ioctl(vm->uffd, UFFDIO_API, &api) < 0)
		fatal("UFFDIO_API");
	reg.range.start = (uintptr_t)vm->ram;
	reg.range.len = vm->ram_size;
	if (ioctl(vm->uffd, UFFDIO_REGISTER, &reg) < 0)
		fatal("UFFDIO_REGISTER");
}

static int vm_snapshot(struct vm *vm, const char *path)
{
	int status, fd;
	pid_t pid;

	/* whatever the guest did not touch yet must be there before the fork */
	{
		struct uffdio_range all = { (uintptr_t)vm->ram, vm->ram_size };
		size_t off;

		for (off = 0; off < vm->ram_size; off += vm->page_size)
			load_page(vm, (uintptr_t)vm->ram + off);
		if (ioctl(vm->uffd, UFFDIO_UNREGISTER, &all) < 0)
			fatal("UFFDIO_UNREGISTER");
	}
	pid = fork();
	if (pid < 0)
		return -1;
	if (pid == 0) {
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		if (fd < 0 || write(fd, vm->ram, vm->ram_size) != (ssize_t)vm->ram_size)
			_exit(1);
		_exit(vm->ram[(GUEST_PAGES - 1) * vm->page_size + 1] == 0x5a ? 0 : 2);
	}
	if (waitpid(pid, &status, 0) < 0)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int main(void)
{
	struct vm vm;
	int i, rc;

	memset(&vm, 0, sizeof(vm));
	vm_memory_init(&vm);
	if (pipe(vm.quit_pipe) < 0)
		fatal("pipe");
	if (pthread_create(&vm.pager, NULL, pager_thread, &vm))
		fatal("pthread_create");
	for (i = 0; i < NR_VCPUS; i++) {
		vm.vcpus[i].index = i;
		vm.vcpus[i].vm = &vm;
		if (pthread_create(&vm.vcpus[i].thread, NULL, vcpu_thread, &vm.vcpus[i]))
			fatal("pthread_create");
	}
	usleep(20000);
	rc = vm_snapshot(&vm, "/dev/null");
	printf("snapshot: %d\n", rc);
	atomic_store(&vm.stop, true);
	for (i = 0; i < NR_VCPUS; i++)
		pthread_join(vm.vcpus[i].thread, NULL);
	close(vm.quit_pipe[1]);
	pthread_join(vm.pager, NULL);
	close(vm.uffd);
	return rc;
}
