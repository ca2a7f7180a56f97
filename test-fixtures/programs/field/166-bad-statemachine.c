// style: a monitor as a state machine
/* single-stepped pager: each step waits for one message and acts on it */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum step { STEP_IDLE, STEP_AGAIN, STEP_FATAL };

#define MAXOLD 8

struct pager {
	int cur;		/* the address space that forked last */
	int old[MAXOLD];	/* the ones before it */
	int nold;
	size_t psz;
	char *data;
	unsigned served;
};

static enum step serve(struct pager *p, int fd, uint64_t addr)
{
	struct uffdio_copy c = {
		.dst = addr & ~(uint64_t)(p->psz - 1),
		.src = (uintptr_t)p->data,
		.len = p->psz,
	};

	p->served++;
	for (;;) {
		if (ioctl(fd, UFFDIO_COPY, &c) == 0)
			return STEP_AGAIN;
		switch (errno) {
		case EAGAIN:
			c.copy = 0;
			continue;
		case ESRCH:
		case EEXIST:
			return STEP_AGAIN;
		default:
			return STEP_FATAL;
		}
	}
}

static int ready_fd(const struct pager *p)
{
	struct pollfd v[MAXOLD + 1];
	int n = 0;

	v[n++] = (struct pollfd){ .fd = p->cur, .events = POLLIN };
	for (int i = 0; i < p->nold; i++)
		v[n++] = (struct pollfd){ .fd = p->old[i], .events = POLLIN };
	if (poll(v, n, -1) < 0)
		return -1;
	for (int i = 0; i < n; i++)
		if (v[i].revents & POLLIN)
			return v[i].fd;
	return -1;
}

static enum step pager_step(struct pager *p)
{
	enum step result = STEP_AGAIN;
	int next = p->cur;
	struct uffd_msg m;
	int fd = ready_fd(p);
	ssize_t n;

	if (fd < 0)
		return STEP_IDLE;
	n = read(fd, &m, sizeof(m));
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? STEP_IDLE : STEP_FATAL;
	if (n != sizeof(m))
		return STEP_FATAL;

	switch (m.event) {
	case UFFD_EVENT_PAGEFAULT:
		result = serve(p, fd, m.arg.pagefault.address);
		break;
	case UFFD_EVENT_FORK:
		next = (int)m.arg.fork.ufd;
		break;
	default:
		result = STEP_IDLE;
		break;
	}
	p->cur = next; // expect: overwritten-parent-uffd
	return result;
}

static void *pager_run(void *arg)
{
	struct pager *p = arg;

	while (pager_step(p) != STEP_FATAL)
		;
	abort();
}

static void *map_armed(struct pager *p, size_t npages)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *mem;

	p->cur = (int)syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->cur < 0)
		return NULL;
	if (ioctl(p->cur, UFFDIO_API, &api) < 0)
		goto fail;
	mem = mmap(NULL, npages * p->psz, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		goto fail;
	reg.range.start = (uintptr_t)mem;
	reg.range.len = npages * p->psz;
	if (ioctl(p->cur, UFFDIO_REGISTER, &reg) == 0)
		return mem;
	munmap(mem, npages * p->psz);
fail:
	close(p->cur);
	p->cur = -1;
	return NULL;
}

int main(void)
{
	static struct pager p;
	pthread_t t;
	char *mem;
	pid_t pid;
	int st;

	p.psz = (size_t)sysconf(_SC_PAGESIZE);
	p.data = aligned_alloc(p.psz, p.psz);
	if (!p.data)
		return 1;
	memset(p.data, 'd', p.psz);
	mem = map_armed(&p, 8);
	if (!mem || pthread_create(&t, NULL, pager_run, &p))
		return 1;
	pid = fork();
	if (pid < 0)
		return 1;
	if (pid == 0)
		_exit(mem[p.psz] != 'd');
	if (waitpid(pid, &st, 0) < 0)
		return 1;
	/* the parent goes on with its own pages */
	if (mem[2 * p.psz] != 'd')
		return 1;
	printf("served %u, child %d\n", p.served, st);
	return st != 0;
}
