// style: a userfaultfd that came over a socket stands in a poll set behind it, and is read at a counted index
#define _GNU_SOURCE
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int recv_fd(int sock)
{
	char control[CMSG_SPACE(sizeof(int))];
	char byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(sock, &mh, 0) == 1)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&mh)), sizeof(fd));
	return fd;
}

int main(void)
{
	int sock = 3, n = 0, fd = recv_fd(sock);
	struct pollfd p[2];
	struct uffd_msg m;

	p[n++] = (struct pollfd){ .fd = sock, .events = POLLIN };
	p[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
	while (poll(p, n, -1) > 0 && !p[0].revents)
		for (int i = 1; i < n; i++) {
			if (read(p[i].fd, &m, sizeof(m)) != sizeof(m))
				continue;
			if (m.event == UFFD_EVENT_FORK) // expect: leaked-child-uffd
				puts("fork");
		}
	return 0;
}
