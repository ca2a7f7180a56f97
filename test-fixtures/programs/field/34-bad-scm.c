/*
 * The process that forks sends every child's descriptor to a serving process
 * over a socket.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t page;

static int send_fd(int sock, int fd)
{
	char dummy = 'F';
	struct iovec iov = { .iov_base = &dummy, .iov_len = 1 };
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(int))];
	} u;
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = u.buf,
		.msg_controllen = sizeof(u.buf),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	memset(&u, 0, sizeof(u));
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(sock, &msg, MSG_NOSIGNAL) == 1 ? 0 : -1;
}

static int recv_fd(int sock)
{
	char dummy;
	struct iovec iov = { .iov_base = &dummy, .iov_len = 1 };
	char buf[CMSG_SPACE(sizeof(int))];
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = buf,
		.msg_controllen = sizeof(buf),
	};
	struct cmsghdr *c;
	int fd = -1;

	if (recvmsg(sock, &msg, MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	c = CMSG_FIRSTHDR(&msg);
	if (c && c->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(c), sizeof(int));
	return fd;
}

static void serve_fault(int fd, const struct uffd_msg *m)
{
	struct uffdio_zeropage z = { .range = { m->arg.pagefault.address & ~(uint64_t)(page - 1), page } };

	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
}

/* Runs in a process of its own and holds nothing but the socket. */
static void server(int sock)
{
	struct pollfd p[32] = { { .fd = sock, .events = POLLIN } };
	struct uffd_msg m;
	int i, n = 1;

	for (;;) {
		if (poll(p, n, -1) < 0)
			continue;
		for (i = 1; i < n; i++)
			if (p[i].revents & POLLIN && read(p[i].fd, &m, sizeof(m)) == sizeof(m) &&
			    m.event == UFFD_EVENT_PAGEFAULT)
				serve_fault(p[i].fd, &m);
		if (p[0].revents) {
			int fd = recv_fd(sock);

			if (fd < 0)
				_exit(0);
			if (n < 32)
				p[n++] = (struct pollfd){ .fd = fd, .events = POLLIN };
			else
				close(fd);
		}
	}
}

struct relay {
	int uffd;
	int sock;
	unsigned sent;
};

static void *relay_thread(void *arg)
{
	struct relay *r = arg;
	struct uffd_msg m;

	while (read(r->uffd, &m, sizeof(m)) == sizeof(m)) {
		switch (m.event) {
		case UFFD_EVENT_FORK: // expect: leaked-child-uffd
			if (send_fd(r->sock, m.arg.fork.ufd) == 0)
				r->sent++;
			break;
		case UFFD_EVENT_PAGEFAULT:
			serve_fault(r->uffd, &m);
			break;
		}
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct relay r = { 0 };
	pthread_t t;
	char *mem;
	int sv[2], i, st;
	pid_t srv, pid;

	page = sysconf(_SC_PAGESIZE);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv) < 0)
		err(1, "socketpair");
	srv = fork();
	if (srv < 0)
		err(1, "fork");
	if (srv == 0) {
		close(sv[0]);
		server(sv[1]);
	}
	close(sv[1]);
	r.sock = sv[0];
	mem = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		err(1, "mmap");
	r.uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (r.uffd < 0)
		err(1, "userfaultfd");
	if (ioctl(r.uffd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4 * page;
	if (ioctl(r.uffd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
	if ((errno = pthread_create(&t, NULL, relay_thread, &r)) != 0)
		err(1, "pthread_create");
	mem[0] = 1;
	for (i = 1; i < 4; i++) {
		pid = fork();
		if (pid < 0)
			err(1, "fork");
		if (pid == 0) {
			close(sv[0]);
			_exit(mem[0] != 1);
		}
		waitpid(pid, &st, 0);
	}
	printf("%u descriptors sent\n", r.sent);
	shutdown(sv[0], SHUT_RDWR);
	waitpid(srv, NULL, 0);
	return 0;
}
