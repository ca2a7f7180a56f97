// style: a pager that waits for the child of which it has just read
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int uffd, kid = -1;
static volatile pid_t pid;
static char *mem;

static void *pager(void *arg)
{
	struct uffd_msg m;

	for (;;) {
		struct pollfd p[2] = { { uffd, POLLIN, 0 }, { kid, POLLIN, 0 } };
		if (poll(p, 2, -1) < 0)
			break;
		for (int i = 0; i < 2; i++) {
			if (!(p[i].revents & POLLIN) || read(p[i].fd, &m, sizeof m) != sizeof m)
				continue;
			if (m.event == UFFD_EVENT_FORK) {
				if (kid >= 0)
					close(kid);
				kid = m.arg.fork.ufd;
				while (pid == 0)
					;
				waitpid(pid, NULL, 0); // expect: fork-deadlocks-monitor
			} else if (m.event == UFFD_EVENT_PAGEFAULT) {
				struct uffdio_zeropage z = { .range = { m.arg.pagefault.address & ~4095UL, 4096 } };
				ioctl(p[i].fd, UFFDIO_ZEROPAGE, &z);
			}
		}
	}
	return arg;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;
	int st;

	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	reg.range.start = (unsigned long)mem;
	reg.range.len = 4096;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg))
		return 1;
	if (pthread_create(&t, NULL, pager, NULL))
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(mem[0]);
	waitpid(pid, &st, 0);
	return 0;
}
