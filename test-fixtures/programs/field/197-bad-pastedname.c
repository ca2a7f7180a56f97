// style: a check that keeps the result in a variable with a name of its own; the handshake is never made
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CAT_(a, b) a##b
#define CAT(a, b) CAT_(a, b)
#define CHECK_SYS(expr) do { int CAT(r_, __LINE__) = (expr); if (CAT(r_, __LINE__)) exit(1); } while (0)

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (uffd < 0)
		return 1;
	CHECK_SYS(fcntl(uffd, F_SETFL, O_NONBLOCK));
	reg.range.start = (uintptr_t)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.len = 4096;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg)) // expect: missing-api-handshake
		return 1;
	return 0;
}
