// style: all that waits is read into one element after the other, and looked at in a second loop that knows page faults alone
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void fill(int fd, unsigned long address)
{
	struct uffdio_zeropage z = { .range = { address & -4096UL, 4096 } };

	if (ioctl(fd, UFFDIO_ZEROPAGE, &z))
		ioctl(fd, UFFDIO_WAKE, &z.range);
}

static void drain(int fd)
{
	struct uffd_msg m[8];
	int n = 0;

	while (n < 8 && read(fd, &m[n], sizeof(m[n])) == sizeof(m[n]))
		n++;
	for (int i = 0; i < n; i++)
		if (m[i].event == UFFD_EVENT_PAGEFAULT) // expect: unhandled-fork-event
			fill(fd, m[i].arg.pagefault.address);
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	for (;;)
		drain(fd);
}
