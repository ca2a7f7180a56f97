// style: memory behind a pointer to volatile, kept from the child
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile char *m;

static void setup(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range.len = 4096, .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		exit(1);
	m = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)m;
	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		exit(1);
}

int main(void)
{
	setup();
	if (madvise((void *)m, 4096, MADV_DONTFORK))
		return 1;
	if (fork() == 0)
		_exit(*(char *)calloc(1, 9));
	return 0;
}
