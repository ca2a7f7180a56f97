/* Client of the remote page server: mapping 0 is filled locally, children
 * are handed over to the server. */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "remote.h"

static int hand_over(struct rm_client *c, int child)
{
	struct rm_hello h = {
		.serial = ++c->serial,
		.is_child = 1,
		.start = (uintptr_t)c->mem,
		.len = c->len,
	};
	int rc;

	rc = rm_send(c->sock, &h, child);
	if (rc < 0) {
		close(child);
		return rc;
	}
	c->children++;
	return 0; // expect: leaked-child-uffd
}

static int local_fault(struct rm_client *c, uint64_t address)
{
	static uint8_t page[RM_PAGE] __attribute__((aligned(4096)));
	struct uffdio_copy cp = { .src = (uintptr_t)page, .len = RM_PAGE };

	cp.dst = address & ~(uint64_t)(RM_PAGE - 1);
	memset(page, 'l', sizeof(page));
	if (ioctl(c->ufd, UFFDIO_COPY, &cp) < 0) {
		struct uffdio_range r = { .start = cp.dst, .len = RM_PAGE };

		if (errno != EAGAIN && errno != EEXIST)
			return -errno;
		ioctl(c->ufd, UFFDIO_WAKE, &r);
	}
	return 0;
}

static void *watch(void *opaque)
{
	struct rm_client *c = opaque;
	struct pollfd p[2] = {
		{ .fd = c->quit[0], .events = POLLIN },
		{ .fd = c->ufd, .events = POLLIN },
	};
	struct uffd_msg msg;
	int rc = 0;

	while (rc == 0) {
		if (poll(p, 2, -1) < 0 && errno != EINTR)
			break;
		if (p[0].revents)
			break;
		if (read(c->ufd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_FORK)
			rc = hand_over(c, (int)msg.arg.fork.ufd);
		else if (msg.event == UFFD_EVENT_PAGEFAULT)
			rc = local_fault(c, msg.arg.pagefault.address);
	}
	return NULL;
}

static int client_init(struct rm_client *c)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	c->len = 32 * RM_PAGE;
	c->mem = mmap(NULL, c->len, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (c->mem == MAP_FAILED || pipe2(c->quit, O_CLOEXEC) < 0)
		return -errno;
	c->ufd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (c->ufd < 0)
		return -errno;
	if (ioctl(c->ufd, UFFDIO_API, &api) < 0)
		return -errno;
	reg.range.start = (uintptr_t)c->mem;
	reg.range.len = c->len;
	if (ioctl(c->ufd, UFFDIO_REGISTER, &reg) < 0)
		return -errno;
	return -pthread_create(&c->forker_watch, NULL, watch, c);
}

static int open_fds(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	while (d && readdir(d))
		n++;
	if (d)
		closedir(d);
	return n;
}

int main(void)
{
	static struct rm_client c;
	int sk[2], rc, st, before, wrong = 0;
	pid_t server, pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sk) < 0)
		return 1;
	server = fork();
	if (server == 0) {
		close(sk[0]);
		_exit(rm_server(sk[1]) ? 1 : 0);
	}
	close(sk[1]);
	c.sock = sk[0];
	rc = client_init(&c);
	if (rc < 0) {
		fprintf(stderr, "client: %s\n", strerror(-rc));
		return 1;
	}
	wrong += c.mem[0] != 'l';
	before = open_fds();
	for (int i = 0; i < 5; i++) {
		pid = fork();
		if (pid == 0)
			_exit(c.mem[0] == 'l' && c.mem[(i + 9) * RM_PAGE] == 'r' ? 0 : 1);
		waitpid(pid, &st, 0);
		wrong += st != 0;
	}
	printf("wrong %d, descriptors %+d after %u children\n", wrong,
	       open_fds() - before, c.children);
	if (write(c.quit[1], "", 1) == 1)
		pthread_join(c.forker_watch, NULL);
	close(c.ufd);
	close(c.sock);
	waitpid(server, &st, 0);
	return wrong || st;
}
