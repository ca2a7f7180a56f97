// style: the owner enables the descriptor, the monitor thread that gets it only reads
// observe: output counter 1
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t page_size;

static void serve_zero(int uffd, uint64_t address)
{
	struct uffdio_zeropage z = {
		.range = { .start = address & ~(page_size - 1), .len = page_size },
	};

	if (ioctl(uffd, UFFDIO_ZEROPAGE, &z) < 0)
		err(1, "UFFDIO_ZEROPAGE");
}

static void *monitor(void *arg)
{
	int uffd = (intptr_t)arg;
	struct pollfd pfd = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;

	while (poll(&pfd, 1, 500) > 0) {
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_PAGEFAULT)
			serve_zero(uffd, msg.arg.pagefault.address);
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = 0 };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;
	int uffd, *counter;

	page_size = sysconf(_SC_PAGESIZE);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0)
		err(1, "userfaultfd");
	if (ioctl(uffd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	counter = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (counter == MAP_FAILED)
		err(1, "mmap");
	reg.range.start = (uintptr_t)counter;
	reg.range.len = page_size;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, monitor, (void *)(intptr_t)uffd))
		errx(1, "pthread_create");
	++*counter;
	pthread_join(thread, NULL);
	printf("counter %d\n", *counter);
	return 0;
}
