// style: a pager with a table of children, some closed, that starts programs and waits
#define _GNU_SOURCE
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

struct vm { int uffd, kids[8], nkids; };

static void serve(struct vm *vm, int *slot)
{
	struct uffd_msg m;

	if (read(*slot, &m, sizeof m) != sizeof m)
		return;
	if (m.event == UFFD_EVENT_PAGEFAULT) {
		struct uffdio_zeropage z = { .range = { m.arg.pagefault.address & ~4095ul, 4096 } };
		while (ioctl(*slot, UFFDIO_ZEROPAGE, &z) && errno == EAGAIN)
			;
		if (errno == ESRCH && slot != &vm->uffd) {
			close(*slot);
			*slot = -1;
		}
		return;
	}
	if (vm->nkids < 8)
		vm->kids[vm->nkids++] = m.arg.fork.ufd;
	else
		close(m.arg.fork.ufd);
	pid_t pid = vfork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
}

static void *pager(void *arg)
{
	struct vm *vm = arg;
	for (;;) {
		struct pollfd p[9] = { { vm->uffd, POLLIN, 0 } };
		int n = 1 + vm->nkids;

		for (int i = 1; i < n; i++)
			p[i].fd = vm->kids[i - 1], p[i].events = POLLIN;
		if (poll(p, n, -1) < 0)
			continue;
		for (int i = 1; i < n; i++)
			if (p[i].revents & POLLIN)
				serve(vm, &vm->kids[i - 1]);
		if (p[0].revents & POLLIN)
			serve(vm, &vm->uffd);
	}
	return arg;
}

int main(void)
{
	struct vm vm = { .uffd = -1 };
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;
	char *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	vm.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	reg.range.start = (unsigned long)mem;
	reg.range.len = 4096;
	if (vm.uffd < 0 || ioctl(vm.uffd, UFFDIO_API, &api) || ioctl(vm.uffd, UFFDIO_REGISTER, &reg))
		return 1;
	if (pthread_create(&t, NULL, pager, &vm))
		return 1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(mem[0]);
	waitpid(pid, NULL, 0);
	return 0;
}
