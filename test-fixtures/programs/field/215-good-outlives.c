// style: the reader is started by a thread that is joined then
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fd;

static void *reader(void *arg)
{
	struct uffd_msg m;

	while (read(fd, &m, sizeof m) == sizeof m)
		if (m.event == UFFD_EVENT_FORK)
			close(m.arg.fork.ufd);
	return arg;
}

static void *starter(void *arg)
{
	pthread_t t;

	if (pthread_create(&t, NULL, reader, NULL))
		_exit(1);
	return arg;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .range.len = 4096, .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;

	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (uintptr_t)mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		return 1;
	if (pthread_create(&t, NULL, starter, NULL))
		return 1;
	pthread_join(t, NULL);
	return fork() < 0;
}
