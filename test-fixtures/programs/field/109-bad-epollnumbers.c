// style: an epoll loop over numbers
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

static int add(int fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.fd = fd };
	return epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev);
}
static int setup(int uffd) { return add(uffd) || add(sfd) || add(efd); }
static void *loop(void *arg)
{
	struct epoll_event evs[16]; struct uffd_msg msg; struct signalfd_siginfo si; uint64_t v;
	for (;;) {
		int n = epoll_wait(ep, evs, 16, -1);
		for (int i = 0; i < n; i++) {
			int fd = evs[i].data.fd;
			if (fd == sfd) { if (read(fd, &si, sizeof si) == sizeof si) return NULL; }
			else if (fd == efd) { if (read(fd, &v, sizeof v) != sizeof v) perror("x"); }
			else {
				if (read(fd, &msg, sizeof msg) != sizeof msg) { if (errno != EAGAIN) { epoll_ctl(ep, EPOLL_CTL_DEL, fd, NULL); close(fd); } continue; }
				switch (msg.event) {
				case UFFD_EVENT_FORK: printf("fork %d\n", msg.arg.fork.ufd); break; // expect: leaked-child-uffd
				case UFFD_EVENT_PAGEFAULT: zero(fd, msg.arg.pagefault.address); break;
				}
			}
		}
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
