// style: descriptors are made in one loop; the next one starts the reader of the first alone
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *serve(void *x)
{
	struct uffd_msg m;

	while (read((int)(intptr_t)x, &m, sizeof m) == sizeof m)
		if (m.event == UFFD_EVENT_FORK)
			close(m.arg.fork.ufd);
	return NULL;
}

static int make(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .range.len = 4096, .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	reg.range.start = (uintptr_t)mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		_exit(1);
	return fd;
}

int main(void)
{
	pthread_t t;
	int fd[2];

	for (int i = 0; i < 2; i++)
		fd[i] = make();
	for (int i = 0; i < 1; i++)
		if (pthread_create(&t, NULL, serve, (void *)(intptr_t)fd[i]))
			return 1;
	return fork() < 0; // expect: fork-event-never-read
}
