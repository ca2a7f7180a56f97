// style: features are asked for one after the other, on one descriptor; nothing behind that ever runs
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int enable(int fd, uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };

	return ioctl(fd, UFFDIO_API, &api); // expect: repeated-handshake
}

int main(void)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (p == MAP_FAILED || fd < 0)
		return 1;
	if (enable(fd, 0))
		return 1;
	if (enable(fd, UFFD_FEATURE_EVENT_FORK)) {
		perror("UFFDIO_API");
		return 1;
	}
	reg.range.start = (uintptr_t)p;
	reg.range.len = 4096;
	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		return 1;
	if (fork() == 0)
		_exit(*p);
	wait(NULL);
	return 0;
}
