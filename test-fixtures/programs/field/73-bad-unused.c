#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fd;

/* debugging aid, called by nobody */
__attribute__((unused)) static void drain(void)
{
	struct uffd_msg m;

	while (read(fd, &m, sizeof m) == sizeof m)
		if (m.event == UFFD_EVENT_FORK)
			close(m.arg.fork.ufd);
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (unsigned long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.len = 4096;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		return 1;
	return fork(); // expect: fork-event-never-read
}
