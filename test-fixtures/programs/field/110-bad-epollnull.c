// style: an epoll loop where null stands for the wake-up
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>
static int ep, efd, sfd;
static char *mem;
static void zero(int fd, uint64_t a) { struct uffdio_zeropage z = { .range = { a & ~4095ull, 4096 } }; while (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN) ; }
static int open_uffd(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api)) exit(1);
	mem = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED) exit(1);
	reg.range.start = (uintptr_t)mem; reg.range.len = 65536;
	if (ioctl(fd, UFFDIO_REGISTER, &reg)) exit(1);
	return fd;
}

struct client { int fd; };
static int add(int fd, struct client *c)
{
	struct epoll_event ev = { .events = EPOLLIN, .data = { .ptr = c } };
	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}
static struct client *make(int fd) { struct client *c = malloc(sizeof *c); if (c) c->fd = fd; return c; }
static int setup(int uffd)
{
	struct client *c = make(uffd);
	return !c || add(efd, NULL) || add(uffd, c);
}
static void take(int ufd)
{
	struct client *c = make(ufd);
	if (!c || add(ufd, c)) { free(c); }
}
static void *loop(void *arg)
{
	struct epoll_event ev; struct uffd_msg msg; uint64_t v;
	while (epoll_wait(ep, &ev, 1, -1) == 1) {
		struct client *c = ev.data.ptr;
		if (!c) { if (read(efd, &v, sizeof v) == sizeof v) break; continue; }
		if (ev.events & (EPOLLERR | EPOLLHUP)) { close(c->fd); free(c); continue; }
		if (read(c->fd, &msg, sizeof msg) != sizeof msg) continue;
		if (msg.event == UFFD_EVENT_FORK) take(msg.arg.fork.ufd); // expect: leaked-child-uffd
		else if (msg.event == UFFD_EVENT_PAGEFAULT) zero(c->fd, msg.arg.pagefault.address);
	}
	return arg;
}

int main(void)
{
	pthread_t t;
	sigset_t set;
	int uffd = open_uffd();
	sigemptyset(&set); sigaddset(&set, SIGUSR1); sigprocmask(SIG_BLOCK, &set, NULL);
	ep = epoll_create1(EPOLL_CLOEXEC);
	efd = eventfd(0, EFD_CLOEXEC); sfd = signalfd(-1, &set, SFD_CLOEXEC);
	if (ep < 0 || efd < 0 || sfd < 0) return 1;
	if (setup(uffd)) return 1;
	if (pthread_create(&t, NULL, loop, NULL)) return 1;
	pid_t p = fork();
	if (p == 0) _exit(mem[4096]);
	waitpid(p, NULL, 0);
	return 0;
}
