// style: two userfaultfds made in a loop, one of them polled
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
static void copy(int fd, unsigned long a) { struct uffdio_copy c = { .dst = a & ~4095UL, .len = 4096 }; ioctl(fd, UFFDIO_COPY, &c); }
static int uffd_make(unsigned long feat, char *m)
{
	struct uffdio_api api = { .api = UFFD_API, .features = feat };
	struct uffdio_register reg = { .range = { (unsigned long)m, 8192 }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0) return -1;
	if (ioctl(fd, UFFDIO_API, &api) < 0 || ioctl(fd, UFFDIO_REGISTER, &reg) < 0) { close(fd); return -1; }
	return fd;
}

struct tier { int fd; char *m; };
static struct tier tiers[2];
static struct pollfd fds[8]; static int nfds;
static void add(int fd) { fds[nfds].fd = fd; fds[nfds].events = POLLIN; nfds++; }
static void *reader(void *x)
{
	struct uffd_msg msg;
	for (;;) {
		poll(fds, nfds, -1);
		for (int i = 0; i < nfds; i++) {
			if (read(fds[i].fd, &msg, sizeof msg) != sizeof msg) continue;
			if (msg.event == UFFD_EVENT_FORK) { if (nfds < 8) add(msg.arg.fork.ufd); else close(msg.arg.fork.ufd); }
			else if (msg.event == UFFD_EVENT_PAGEFAULT) copy(fds[i].fd, msg.arg.pagefault.address);
		}
	}
	return x;
}
int main(void)
{
	pthread_t t;
	for (int i = 0; i < 2; i++) {
		tiers[i].m = mmap(0, 8192, 3, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0);
		tiers[i].fd = uffd_make(UFFD_FEATURE_EVENT_FORK, tiers[i].m);
		if (tiers[i].fd < 0) return 1;
	}
	add(tiers[0].fd);
	if (pthread_create(&t, NULL, reader, NULL)) return 1;
	if (fork() == 0) _exit(0); // expect: fork-event-never-read
	wait(NULL);
	return 0;
}
