// style: a child that cleans up before exec
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/mman.h>
#include <unistd.h>
#include <fcntl.h>
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *p = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(__NR_userfaultfd, 0);
	if (fd < 0 || p == MAP_FAILED || ioctl(fd, UFFDIO_API, &api))
		return 1;
	reg.range.start = (unsigned long)p;
	reg.range.len = 65536;
	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		return 1;
	if (fork() == 0) { // expect: fork-drops-registration
		close(fd);
		p[0] = 1;
		setsid();
		chroot("/");
		execl("/bin/true", "true", (char *)NULL);
		_exit(127);
	}
	return 0;
}
