/*
 * The pager is a process of its own: it is forked before the memory is
 * registered and reads the inherited descriptor.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define err_exit(what)                  \
	do {                            \
		perror(what);           \
		exit(EXIT_FAILURE);     \
	} while (0)

enum { MAX = 16 };

static long psz;

static void zero(int fd, uint64_t addr)
{
	struct uffdio_zeropage z = { .range = { addr & -(uint64_t)psz, psz } };

	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) == -1)
		if (errno != EAGAIN)
			break;
}

static void pager(int uffd)
{
	struct pollfd p[MAX] = { { uffd, POLLIN, 0 } };
	struct uffd_msg msg;
	int i, n = 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		if (poll(p, n, -1) == -1)
			continue;
		for (i = 0; i < n; i++) {
			if (!(p[i].revents & POLLIN))
				continue;
			if (read(p[i].fd, &msg, sizeof(msg)) != sizeof(msg))
				continue;
			if (msg.event == UFFD_EVENT_PAGEFAULT) { // expect: unhandled-fork-event
				zero(p[i].fd, msg.arg.pagefault.address);
			}
		}
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pid_t pager_pid, child;
	char *mem;
	int uffd, st = 0;

	psz = sysconf(_SC_PAGESIZE);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd == -1)
		err_exit("userfaultfd");
	if (ioctl(uffd, UFFDIO_API, &api) == -1)
		err_exit("UFFDIO_API");
	pager_pid = fork();
	if (pager_pid == -1)
		err_exit("fork");
	if (pager_pid == 0) {
		pager(uffd);
		_exit(0);
	}
	mem = mmap(NULL, 8 * psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		err_exit("mmap");
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 8 * psz;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
		err_exit("UFFDIO_REGISTER");
	mem[0] = 1;
	child = fork();
	if (child == -1)
		err_exit("fork");
	if (child == 0)
		_exit(mem[3 * psz] + mem[0] - 1);
	waitpid(child, &st, 0);
	printf("child: %d\n", st);
	kill(pager_pid, SIGKILL);
	waitpid(pager_pid, NULL, 0);
	return st;
}
