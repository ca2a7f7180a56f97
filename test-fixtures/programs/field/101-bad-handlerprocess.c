// style: a handler process that ends with its table of children
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static char *map(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}
static int open_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api) < 0) {
		int e = errno;

		close(fd);
		return -e;
	}
	return fd;
}
static int arm(int fd, void *p, size_t n)
{
	struct uffdio_register reg = { .range = { (uintptr_t)p, n }, .mode = UFFDIO_REGISTER_MODE_MISSING };

	return ioctl(fd, UFFDIO_REGISTER, &reg) < 0 ? -errno : 0;
}
static void zero(int fd, uint64_t a)
{
	struct uffdio_zeropage z = { .range = { a & ~4095ull, 4096 } };

	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
}
static int send_fd(int s, int fd)
{
	char c = 'f', b[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec io = { &c, 1 };
	struct msghdr h = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = b, .msg_controllen = sizeof b };
	struct cmsghdr *cm = CMSG_FIRSTHDR(&h);

	cm->cmsg_level = SOL_SOCKET;
	cm->cmsg_type = SCM_RIGHTS;
	cm->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(cm), &fd, sizeof fd);
	return sendmsg(s, &h, 0) == 1 ? 0 : -1;
}
static int recv_fd(int s)
{
	char c, b[CMSG_SPACE(sizeof(int))];
	struct iovec io = { &c, 1 };
	struct msghdr h = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = b, .msg_controllen = sizeof b };
	struct cmsghdr *cm;
	int fd = -1;

	if (recvmsg(s, &h, MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	for (cm = CMSG_FIRSTHDR(&h); cm; cm = CMSG_NXTHDR(&h, cm))
		if (cm->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(cm), sizeof fd);
	return fd;
}
static int handler(int s)
{
	int fd = recv_fd(s), kids[8], nk = 0, i;
	struct uffd_msg m;
	struct pollfd p[9];

	if (fd < 0)
		return 1;
	for (;;) {
		p[0] = (struct pollfd){ fd, POLLIN, 0 };
		for (i = 0; i < nk; i++)
			p[i + 1] = (struct pollfd){ kids[i], POLLIN, 0 };
		if (poll(p, nk + 1, 2000) <= 0)
			return 0; // expect: leaked-child-uffd
		for (i = 0; i <= nk; i++) {
			if (!(p[i].revents & POLLIN) || read(p[i].fd, &m, sizeof m) != sizeof m)
				continue;
			if (m.event == UFFD_EVENT_FORK) {
				if (nk < 8)
					kids[nk++] = m.arg.fork.ufd;
				else
					close(m.arg.fork.ufd);
				break;
			} else if (m.event == UFFD_EVENT_PAGEFAULT)
				zero(p[i].fd, m.arg.pagefault.address);
		}
	}
}
int main(void)
{
	int s[2], fd;
	char *p;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s))
		return 1;
	pid = fork();
	if (pid == 0) {
		close(s[0]);
		handler(s[1]);
		pause();
	}
	close(s[1]);
	p = map(1 << 14);
	fd = open_uffd(UFFD_FEATURE_EVENT_FORK);
	if (fd < 0 || arm(fd, p, 1 << 14) || send_fd(s[0], fd))
		return 1;
	close(fd);
	p[0] = 1;
	pid = fork();
	if (pid == 0)
		_exit(p[8192]);
	return waitpid(pid, NULL, 0) != pid;
}
