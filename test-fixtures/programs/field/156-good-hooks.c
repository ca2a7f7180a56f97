// style: a hook of the program that makes a process
/* every n-th fault runs a hook program from the pager */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

extern char **environ;

typedef int (*hook_fn)(const char *prog, uint64_t va);

static int hook_none(const char *prog, uint64_t va)
{
	(void)prog;
	return va == 0;
}

static int hook_exec(const char *prog, uint64_t va)
{
	char arg[32];
	char *argv[] = { (char *)prog, arg, NULL };
	pid_t p;
	int st;

	snprintf(arg, sizeof arg, "%#llx", (unsigned long long)va);
	if (posix_spawn(&p, prog, NULL, NULL, argv, environ))
		return -1;
	return waitpid(p, &st, 0) < 0 ? -1 : WIFEXITED(st) ? WEXITSTATUS(st) : -1;
}

struct pager {
	struct pollfd fds[10];
	nfds_t n;
	unsigned every, count;
	hook_fn hook[2];
	const char *prog;
	uint64_t pg;
	void *src;
};

static void pager_fault(struct pager *p, int fd, uint64_t va)
{
	struct uffdio_copy c = { .dst = va, .src = (uintptr_t)p->src, .len = p->pg };
	struct uffdio_range r = { va, p->pg };
	unsigned pick = p->every ? p->count % p->every == 0 ? 1 : 0 : 0;

	p->count++;
	if (p->hook[pick](p->prog, va) < 0)
		return;
	if (ioctl(fd, UFFDIO_COPY, &c))
		errno == ESRCH ? 0 : ioctl(fd, UFFDIO_WAKE, &r);
}

static void *pager_run(void *v)
{
	struct pager *p = v;
	struct uffd_msg m;

	for (;;) {
		if (poll(p->fds, p->n, -1) < 0)
			continue;
		for (nfds_t i = 0, n = p->n; i < n; i++) {
			if (!p->fds[i].revents || read(p->fds[i].fd, &m, sizeof m) != (ssize_t)sizeof m)
				continue;
			if (m.event == UFFD_EVENT_PAGEFAULT)
				pager_fault(p, p->fds[i].fd, m.arg.pagefault.address & ~(p->pg - 1));
			else if (m.event == UFFD_EVENT_FORK && p->n < 10)
				p->fds[p->n++] = (struct pollfd){ (int)m.arg.fork.ufd, POLLIN, 0 };
			else if (m.event == UFFD_EVENT_FORK)
				close(m.arg.fork.ufd);
		}
	}
	return NULL;
}

int main(void)
{
	static struct pager p = { .every = 2, .hook = { hook_none, hook_exec }, .prog = "/bin/true" };
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;
	char *mem;
	int fd, sum = 0, st;
	pid_t c;

	p.pg = sysconf(_SC_PAGESIZE);
	mem = mmap(0, 4 * p.pg, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	p.src = mmap(0, p.pg, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || p.src == MAP_FAILED)
		return 1;
	memset(p.src, 1, p.pg);
	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return perror("uffd"), 1;
	r.range.start = (uintptr_t)mem;
	r.range.len = 4 * p.pg;
	if (ioctl(fd, UFFDIO_REGISTER, &r) < 0)
		return perror("register"), 1;
	p.fds[p.n++] = (struct pollfd){ fd, POLLIN, 0 };
	if (pthread_create(&t, 0, pager_run, &p))
		return 1;
	sum += mem[0];
	if ((c = fork()) == 0)
		_exit(mem[p.pg]);
	if (c < 0 || waitpid(c, &st, 0) < 0)
		return 1;
	sum += WEXITSTATUS(st);
	printf("sum %d\n", sum);
	return sum != 2;
}
