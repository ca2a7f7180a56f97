/* forkwatch: remembers the most recent child of a service, for the debugger */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t quit;
static void on_term(int sig) { (void)sig; quit = 1; }

static int
xioctl(int fd, unsigned long req, void *arg)
{
	int r;

	do
		r = ioctl(fd, req, arg);
	while (r == -1 && errno == EINTR);
	return r;
}

static ssize_t
xread(int fd, void *buf, size_t len)
{
	ssize_t r;

	for (;;) {
		r = read(fd, buf, len);
		if (r == -1 && (errno == EINTR || errno == EAGAIN))
			continue;
		return r;
	}
}

static int uffd;
static void *region;
static size_t region_len;

static void
give_page(int fd, unsigned long addr)
{
	struct uffdio_zeropage z;

	z.range.start = addr & ~(sysconf(_SC_PAGESIZE) - 1UL);
	z.range.len = sysconf(_SC_PAGESIZE);
	z.mode = 0;
	while (xioctl(fd, UFFDIO_ZEROPAGE, &z) == -1 && errno == EAGAIN)
		;
}

static void *
watcher(void *arg)
{
	int last = -1;
	unsigned nforks = 0;
	struct uffd_msg msg;

	(void)arg;
	while (!quit) {
		ssize_t n = xread(uffd, &msg, sizeof(msg));

		if (n != sizeof(msg)) {
			fprintf(stderr, "watcher: read returned %zd\n", n);
			break;
		}
		switch (msg.event) {
		case UFFD_EVENT_PAGEFAULT:
			give_page(uffd, msg.arg.pagefault.address);
			continue;
		case UFFD_EVENT_FORK:
			nforks++;
			if (last >= 0)
				close(last);
			last = msg.arg.fork.ufd;
			if (nforks % 2 == 0)
				printf("watcher: %u forks, last child on %d\n", nforks, last);
			continue;
		}
		fprintf(stderr, "watcher: event %u\n", msg.event);
	}
	if (last >= 0)
		close(last);
	return NULL;
}

static int
watch_region(void)
{
	struct uffdio_api api;
	struct uffdio_register reg;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd == -1)
		return -1;
	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (xioctl(uffd, UFFDIO_API, &api) == -1)
		return -1;
	memset(&reg, 0, sizeof(reg));
	reg.range.start = (unsigned long)region;
	reg.range.len = region_len;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	return xioctl(uffd, UFFDIO_REGISTER, &reg);
}

int
main(void)
{
	pthread_t t;
	int i;

	signal(SIGTERM, on_term);
	region_len = 8 * sysconf(_SC_PAGESIZE);
	region = mmap(NULL, region_len, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	if (region == MAP_FAILED || watch_region() == -1) {
		perror("watch_region");
		return 1;
	}
	if ((errno = pthread_create(&t, NULL, watcher, NULL))) {
		perror("pthread_create");
		return 1;
	}
	memset(region, 1, region_len);
	for (i = 0; i < 4; i++) {
		pid_t pid = fork();

		switch (pid) {
		case -1:
			perror("fork");
			return 1;
		case 0:
			_exit(((char *)region)[0] != 1);
		default:
			waitpid(pid, NULL, 0);
		}
	}
	return 0;
}
