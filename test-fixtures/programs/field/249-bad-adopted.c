// style: a loop hands the reader over to the first child through a variable of the turn
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
static int uffd;
static void *pager(void *arg)
{
	int adopted = 0;
	for (;;) {
		struct uffd_msg m;
		if (read(uffd, &m, sizeof m) != sizeof m || m.event != UFFD_EVENT_FORK)
			continue;
		if (!adopted) {
			int kid = m.arg.fork.ufd;
			uffd = kid; // expect: overwritten-parent-uffd
			adopted = 1;
		} else
			close(m.arg.fork.ufd);
	}
	return arg;
}
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	reg.range.start = (unsigned long)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.len = 4096;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) || pthread_create(&t, NULL, pager, NULL))
		return 1;
	for (int i = 0; i < 20; i++)
		if (fork() == 0)
			_exit(0);
	return 0;
}
