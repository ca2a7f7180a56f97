// style: handlers that bsearch() finds by the event
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
struct handler { unsigned event; void (*fn)(int fd, const struct uffd_msg *m); };
static void on_fault(int fd, const struct uffd_msg *m) { struct uffdio_zeropage z = { .range = { m->arg.pagefault.address & ~4095ul, 4096 } }; ioctl(fd, UFFDIO_ZEROPAGE, &z); }
static void on_fork(int fd, const struct uffd_msg *m) { (void)fd; close(m->arg.fork.ufd); }
static const struct handler handlers[] = { { UFFD_EVENT_PAGEFAULT, on_fault }, { UFFD_EVENT_FORK, on_fork } };
static int cmp(const void *a, const void *b) { return (int)*(const unsigned *)a - (int)((const struct handler *)b)->event; }
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffd_msg m;
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	while (read(uffd, &m, sizeof m) == sizeof m) {
		unsigned e = m.event;
		const struct handler *h = bsearch(&e, handlers, 2, sizeof handlers[0], cmp);
		if (h)
			h->fn(uffd, &m);
	}
	return 0;
}
