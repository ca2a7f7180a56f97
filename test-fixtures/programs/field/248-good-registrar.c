// style: handlers that a macro registers before main()
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
struct handler { unsigned ev; void (*fn)(struct uffd_msg *); struct handler *next; };
static struct handler *handlers;
static void add(struct handler *h) { h->next = handlers; handlers = h; }
#define register_handler(ev, fn) \
	static struct handler h_##fn = { ev, fn, NULL }; \
	__attribute__((constructor)) static void reg_##fn(void) { add(&h_##fn); }
static void on_fork(struct uffd_msg *m) { close(m->arg.fork.ufd); }
register_handler(UFFD_EVENT_FORK, on_fork)
static int uffd;
static void *pager(void *arg)
{
	struct uffd_msg msg;
	struct handler *h;
	while (read(uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		for (h = handlers; h; h = h->next)
			if (h->ev == msg.event)
				break;
		if (!h)
			return NULL;
		h->fn(&msg);
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
