// style: rounds: all messages that wait are collected with who they came from, children that find no room are forgotten before faults are served
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct pending {
	int owner;
	struct uffd_msg m;
};

struct round {
	struct pending p[8];
	size_t n;
};

static int family[8] = { -1, -1, -1, -1, -1, -1, -1, -1 };
static int halt[2];
static size_t page;

static void collect(struct round *r)
{
	struct pollfd pf[9];

	r->n = 0;
	for (int i = 0; i < 8; i++)
		pf[i] = (struct pollfd){ .fd = family[i], .events = POLLIN };
	pf[8] = (struct pollfd){ .fd = halt[0], .events = POLLIN };
	if (poll(pf, 9, -1) < 0 || pf[8].revents) {
		r->n = (size_t)-1;
		return;
	}
	for (int i = 0; i < 8; i++)
		if (pf[i].revents & POLLIN) {
			struct pending *p = &r->p[r->n];

			p->owner = pf[i].fd;
			if (read(pf[i].fd, &p->m, sizeof(p->m)) == sizeof(p->m))
				r->n++;
		}
}

static void adopt(int fd)
{
	int i;

	for (i = 0; i < 8 && family[i] != -1; i++)
		;
	if (i == 8)
		return; // expect: leaked-child-uffd
	family[i] = fd;
}

static void settle(const struct round *r)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->p[i].m.event == UFFD_EVENT_FORK)
			adopt(r->p[i].m.arg.fork.ufd);
	for (size_t i = 0; i < r->n; i++)
		if (r->p[i].m.event == UFFD_EVENT_PAGEFAULT) {
			struct uffdio_zeropage z = { .range = { r->p[i].m.arg.pagefault.address & -page, page } };

			while (ioctl(r->p[i].owner, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
				;
		}
}

static void *serve(void *arg)
{
	struct round r;

	for (;;) {
		collect(&r);
		if (r.n == (size_t)-1)
			return arg;
		settle(&r);
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;
	char *mem;

	page = getpagesize();
	mem = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	family[0] = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (mem == MAP_FAILED || family[0] < 0 || ioctl(family[0], UFFDIO_API, &api) < 0)
		return 1;
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4 * page;
	if (ioctl(family[0], UFFDIO_REGISTER, &reg) < 0 || pipe(halt) < 0 || pthread_create(&t, NULL, serve, NULL))
		return 1;
	if (fork() == 0)
		_exit(mem[0]);
	wait(NULL);
	close(halt[1]);
	pthread_join(t, NULL);
	return 0;
}
