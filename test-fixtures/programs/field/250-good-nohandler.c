// style: a table of handlers that the program fills, and that ends it where there is none
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
static int uffd;
static char *mem;
static int on_fault(const struct uffd_msg *m)
{
	struct uffdio_zeropage z = { .range = { m->arg.pagefault.address & ~4095ull, 4096 } };
	return ioctl(uffd, UFFDIO_ZEROPAGE, &z);
}
static int on_fork(const struct uffd_msg *m)
{
	return close(m->arg.fork.ufd);
}
static int (*table[256])(const struct uffd_msg *);
static void *pager(void *arg)
{
	struct uffd_msg msg;
	while (read(uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		int (*fn)(const struct uffd_msg *) = table[msg.event];
		if (!fn || fn(&msg) < 0)
			abort();
	}
	return arg;
}
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;
	table[UFFD_EVENT_PAGEFAULT] = on_fault;
	table[UFFD_EVENT_FORK] = on_fork;
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (unsigned long)mem;
	reg.range.len = 4096;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		return 1;
	if (pthread_create(&t, NULL, pager, NULL))
		return 1;
	if (fork() == 0)
		_exit(mem[0]);
	return 0;
}
