// style: the descriptor is stored into CMSG_DATA() and sent to a manager, which knows page faults only
// observe: fault-blocked
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

union control {
	char buf[CMSG_SPACE(sizeof(int))];
	struct cmsghdr align;
};

static void send_fd(int sock, int fd)
{
	union control u = { .buf = { 0 } };
	char byte = 'u';
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&mh);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	*(int *)CMSG_DATA(c) = fd;
	if (sendmsg(sock, &mh, 0) != 1)
		err(1, "sendmsg");
}

static int recv_fd(int sock)
{
	union control u;
	char byte;
	struct iovec iov = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr mh = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = u.buf, .msg_controllen = sizeof(u.buf),
	};
	struct cmsghdr *c;

	if (recvmsg(sock, &mh, MSG_CMSG_CLOEXEC) != 1)
		err(1, "recvmsg");
	c = CMSG_FIRSTHDR(&mh);
	if (c == NULL || c->cmsg_type != SCM_RIGHTS)
		errx(1, "no descriptor");
	return *(int *)CMSG_DATA(c);
}

static void manager(int sock)
{
	int fd = recv_fd(sock);
	struct uffd_msg msg;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct uffdio_zeropage z = { .range.len = 4096 };

		switch (msg.event) { // expect: unhandled-fork-event
		case UFFD_EVENT_PAGEFAULT:
			z.range.start = msg.arg.pagefault.address & ~4095ull;
			if (ioctl(fd, UFFDIO_ZEROPAGE, &z) == -1 && errno != EEXIST)
				warn("UFFDIO_ZEROPAGE");
			break;
		}
	}
	_exit(0);
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .range.len = 8 * 4096, .mode = UFFDIO_REGISTER_MODE_MISSING };
	int sv[2], fd, status;
	pid_t manager_pid, pid;
	char *mem;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv) == -1)
		err(1, "socketpair");
	if ((manager_pid = fork()) == 0)
		manager(sv[1]);
	mem = mmap(NULL, 8 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (fd == -1 || mem == MAP_FAILED || ioctl(fd, UFFDIO_API, &api) == -1)
		err(1, "userfaultfd");
	reg.range.start = (uintptr_t)mem;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) == -1)
		err(1, "UFFDIO_REGISTER");
	send_fd(sv[0], fd);
	mem[0] = 1;
	pid = fork();
	if (pid == 0)
		_exit(mem[4096]);
	waitpid(pid, &status, 0);
	kill(manager_pid, SIGKILL);
	waitpid(manager_pid, NULL, 0);
	return WEXITSTATUS(status);
}
