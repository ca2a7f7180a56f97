// style: an endless loop reads into an array of bytes, copies the message out of it, and counts the children
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
static int fd, children;
static void *reader_main(void *arg)
{
	char buf[sizeof(struct uffd_msg)];
	struct uffd_msg m;

	for (;;) {
		if (read(fd, buf, sizeof buf) != sizeof buf)
			continue;
		memcpy(&m, buf, sizeof m);
		if (m.event == UFFD_EVENT_FORK) // expect: leaked-child-uffd
			children++;
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .range.len = 4096, .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;

	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	reg.range.start = (uintptr_t)mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0)
		return 1;
	if (pthread_create(&t, NULL, reader_main, NULL))
		return 1;
	return fork() < 0;
}
