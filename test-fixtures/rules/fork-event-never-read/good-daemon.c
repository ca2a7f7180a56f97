// style: a service: global uffd, daemon() first, then the uffd and its reader
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int uffd = -1;
static int stop[2];
static char *heap;
static size_t page;

static void setup(void)
{
	struct uffdio_api api;
	struct uffdio_register reg;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd == -1)
		err(1, "userfaultfd");
	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(uffd, UFFDIO_API, &api) == -1)
		err(1, "UFFDIO_API");

	page = sysconf(_SC_PAGESIZE);
	heap = mmap(NULL, 16 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (heap == MAP_FAILED)
		err(1, "mmap");
	memset(&reg, 0, sizeof(reg));
	reg.range.start = (unsigned long)heap;
	reg.range.len = 16 * page;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
		err(1, "UFFDIO_REGISTER");
}

static void *pager(void *unused)
{
	struct pollfd fds[2] = { { uffd, POLLIN, 0 }, { stop[0], POLLIN, 0 } };
	struct uffdio_zeropage zero = { .range.len = page };
	struct uffd_msg msg;

	while (poll(fds, 2, -1) >= 0 && !fds[1].revents) {
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		switch (msg.event) {
		case UFFD_EVENT_FORK:
			close(msg.arg.fork.ufd);
			break;
		case UFFD_EVENT_PAGEFAULT:
			zero.range.start = msg.arg.pagefault.address & ~(page - 1);
			if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero) == -1)
				ioctl(uffd, UFFDIO_WAKE, &zero.range);
			break;
		}
	}
	return NULL;
}

int main(void)
{
	pthread_t thread;

	if (daemon(1, 1) == -1)
		err(1, "daemon");
	setup();
	if (pipe(stop) == -1 || pthread_create(&thread, NULL, pager, NULL))
		err(1, "pager");
	heap[3 * page] = 1;
	close(stop[1]);
	pthread_join(thread, NULL);
	return 0;
}
