// style: a union packs a descriptor and a tag into the data of an epoll set
/* epoll data.u64 with tag bits packed with the descriptor; union/bit-field */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum tag { TAG_SIGNAL = 1, TAG_ROOT, TAG_KID };

union cookie {
	uint64_t u64;
	struct {
		uint64_t fd : 32;
		uint64_t tag : 4;
		uint64_t depth : 12;
		uint64_t serial : 16;
	};
};
_Static_assert(sizeof(union cookie) == 8, "cookie");

static int ep;
static unsigned long ps;
static uint16_t serial;
static uint64_t *book;		/* all cookies with an open descriptor */
static size_t nbook, cbook;

static int book_add(uint64_t c)
{
	if (nbook == cbook) {
		size_t n = cbook ? 2 * cbook : 8;
		uint64_t *p = realloc(book, n * sizeof *p);
		if (!p)
			return -1;
		book = p;
		cbook = n;
	}
	book[nbook++] = c;
	return 0;
}

static void book_del(uint64_t c)
{
	for (size_t i = 0; i < nbook; i++)
		if (book[i] == c) {
			book[i] = book[--nbook];
			return;
		}
}

static int add(int fd, enum tag tag, unsigned depth)
{
	union cookie c = { .fd = (uint32_t)fd, .tag = tag, .depth = depth, .serial = serial++ };
	struct epoll_event ev = { .events = EPOLLIN, .data.u64 = c.u64 };

	if (book_add(c.u64))
		return -1;
	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == 0)
		return 0;
	book_del(c.u64);
	return -1;
}

static void on_uffd(union cookie c)
{
	struct uffd_msg m;
	int fd = (int)c.fd;

	if (read(fd, &m, sizeof m) != sizeof m)
		return;
	switch (m.event) {
	case UFFD_EVENT_FORK:
		if (add(m.arg.fork.ufd, TAG_KID, c.depth + 1) < 0)
			close(m.arg.fork.ufd);
		break;
	case UFFD_EVENT_PAGEFAULT: {
		struct uffdio_zeropage z = { { m.arg.pagefault.address & -ps, ps }, 0, 0 };
		if (ioctl(fd, UFFDIO_ZEROPAGE, &z) == 0)
			break;
		if (errno == ESRCH && c.tag == TAG_KID) {
			book_del(c.u64);
			epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL);
			close(fd);
			break;
		}
		ioctl(fd, UFFDIO_WAKE, &z.range);
		break;
	}
	}
}

static void *loop(void *arg)
{
	for (;;) {
		struct epoll_event ev;
		union cookie c;

		if (epoll_wait(ep, &ev, 1, -1) != 1)
			continue;
		c.u64 = ev.data.u64;
		if (c.tag == TAG_SIGNAL)
			break;
		on_uffd(c);
	}
	for (size_t i = 0; i < nbook; i++) {
		union cookie c = { .u64 = book[i] };
		close((int)c.fd);
	}
	free(book);
	return arg;
}

int main(void)
{
	sigset_t ss;
	pthread_t t;
	int u, sfd, bad = 0;

	sigemptyset(&ss);
	sigaddset(&ss, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &ss, NULL);
	sfd = signalfd(-1, &ss, SFD_CLOEXEC);
	ep = epoll_create1(EPOLL_CLOEXEC);
	ps = sysconf(_SC_PAGESIZE);
	if (sfd < 0 || ep < 0 || add(sfd, TAG_SIGNAL, 0))
		return 1;
	u = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (u < 0)
		return 1;
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	if (ioctl(u, UFFDIO_API, &api) == -1)
		return 1;
	char *m = mmap(NULL, 32 * ps, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register r = { { (uintptr_t)m, 32 * ps }, UFFDIO_REGISTER_MODE_MISSING, 0 };
	if (ioctl(u, UFFDIO_REGISTER, &r) == -1 || add(u, TAG_ROOT, 0))
		return 1;
	if (pthread_create(&t, NULL, loop, NULL))
		return 1;
	for (int i = 0; i < 12; i++) {
		pid_t c = fork();
		if (c == 0)
			_exit(m[i * ps]);
		int st;
		if (c < 0 || waitpid(c, &st, 0) < 0 || st)
			bad++;
	}
	kill(getpid(), SIGTERM);
	pthread_join(t, NULL);
	close(ep);
	printf("bad %d\n", bad);
	return bad;
}
