#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int fd;

static void *forker(void *arg)
{
	if (fork() == 0)
		_exit(0);
	return arg;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	struct uffd_msg m;
	pthread_t t;
	void *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (mem == MAP_FAILED || fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	reg.range.start = (unsigned long)mem;
	reg.range.len = 4096;
	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		return 1;
	errno = pthread_create(&t, NULL, forker, NULL);
	if (errno)
		err(1, "pthread_create");
	if (read(fd, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK)
		close(m.arg.fork.ufd);
	pthread_join(t, NULL);
	return 0;
}
