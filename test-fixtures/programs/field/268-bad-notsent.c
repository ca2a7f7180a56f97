// style: a client is to send its userfaultfd to a server, and does not
#include <fcntl.h>

#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static int recv_fd(int sock)
{
	char z, b[CMSG_SPACE(sizeof(int))];
	struct iovec io = { &z, 1 };
	struct msghdr mh = { .msg_iov = &io, .msg_iovlen = 1, .msg_control = b, .msg_controllen = sizeof(b) };
	int fd;

	if (recvmsg(sock, &mh, 0) != 1 || !CMSG_FIRSTHDR(&mh))
		return -1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(fd));
	return fd;
}

static int server(int sock)
{
	struct uffd_msg m;
	int fd = recv_fd(sock);

	if (fd < 0)
		return 1;
	while (read(fd, &m, sizeof(m)) == sizeof(m))
		if (m.event == UFFD_EVENT_FORK)
			close(m.arg.fork.ufd);
	return 0;
}

static int client(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4096;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		return 1;
	if (fork() == 0) // expect: fork-event-never-read
		_exit(0);
	wait(NULL);
	return 0;
}

int main(void)
{
	int sv[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, sv) < 0)
		return 1;
	if (fork() == 0)
		_exit(client());
	return server(sv[0]);
}
