// style: an epoll loop over objects with functions
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

struct source { void (*ready)(struct source *); int fd; };
static void on_uffd(struct source *);
static void on_wake(struct source *s) { uint64_t v; if (read(s->fd, &v, sizeof v) == sizeof v) puts("wake"); }
static void on_signal(struct source *s) { struct signalfd_siginfo si; if (read(s->fd, &si, sizeof si) == sizeof si) exit(0); }
static struct source wake = { .ready = on_wake }, sig = { .ready = on_signal };
static int watch(struct source *s)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = s };
	return epoll_ctl(ep, EPOLL_CTL_ADD, s->fd, &ev);
}
static int watch_uffd(int fd)
{
	struct source *s = malloc(sizeof *s);
	if (!s) return -1;
	*s = (struct source){ on_uffd, fd };
	if (watch(s)) { free(s); return -1; }
	return 0;
}
static void on_uffd(struct source *s)
{
	struct uffd_msg msg[8];
	ssize_t n = read(s->fd, msg, sizeof msg);
	for (size_t i = 0; n > 0 && i < n / sizeof msg[0]; i++) {
		switch (msg[i].event) {
		case UFFD_EVENT_PAGEFAULT: zero(s->fd, msg[i].arg.pagefault.address); break;
		case UFFD_EVENT_FORK: if (watch_uffd(msg[i].arg.fork.ufd)) close(msg[i].arg.fork.ufd); break;
		}
	}
}
static int setup(int uffd) { wake.fd = efd; sig.fd = sfd; return watch(&wake) || watch(&sig) || watch_uffd(uffd); }
static void *loop(void *arg)
{
	struct epoll_event evs[16];
	for (;;) {
		int n = epoll_wait(ep, evs, 16, -1);
		for (int i = 0; i < n; i++) { struct source *s = evs[i].data.ptr; s->ready(s); }
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
