// style: coroutines by switch, each with a message buffer of its own
/* protothread style coroutines by switch: one coroutine per address space */
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

typedef struct { int line; } co_t;
enum co_state { CO_WAIT, CO_DONE };
#define CO_BEGIN(c) switch ((c)->line) { case 0:
#define CO_YIELD(c) do { (c)->line = __LINE__; return CO_WAIT; case __LINE__:; } while (0)
#define CO_END(c) } (c)->line = -1; return CO_DONE

struct pump {
	co_t co;
	int fd;
	struct uffd_msg msg;
	ssize_t n;
	struct uffdio_copy cp;
	struct pump *next;
};

static struct pump *pumps;
static char *image;
static uintptr_t base;
static long psz;
static int off[2];

static int pump_add(int fd)
{
	struct pump *p = calloc(1, sizeof *p);

	if (p == NULL)
		return -1;
	p->fd = fd;
	p->next = pumps;
	pumps = p;
	return 0;
}

static enum co_state pump_run(struct pump *p)
{
	CO_BEGIN(&p->co);
	for (;;) {
		CO_YIELD(&p->co);	/* until readable */
		p->n = read(p->fd, &p->msg, sizeof p->msg);
		if (p->n < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (p->n != sizeof p->msg)
			break;
		if (p->msg.event == UFFD_EVENT_FORK) {
			if (pump_add(p->msg.arg.fork.ufd) < 0)
				close(p->msg.arg.fork.ufd);
			continue;
		}
		if (p->msg.event != UFFD_EVENT_PAGEFAULT)
			continue;
		memset(&p->cp, 0, sizeof p->cp);
		p->cp.dst = p->msg.arg.pagefault.address & -psz;
		p->cp.src = (uintptr_t)image + (p->cp.dst - base);
		p->cp.len = psz;
		if (ioctl(p->fd, UFFDIO_COPY, &p->cp) == 0)
			continue;
		if (errno == ESRCH)
			break;
		if (errno == EAGAIN || errno == EEXIST) {
			struct uffdio_range r = { p->cp.dst, psz };
			ioctl(p->fd, UFFDIO_WAKE, &r);
		}
	}
	CO_END(&p->co);
}

static void *sched(void *root)
{
	struct pump *p;

	for (p = pumps; p; p = p->next)
		pump_run(p);
	for (;;) {
		struct pollfd pf[40] = { { .fd = off[0], .events = POLLIN } };
		nfds_t n = 1;

		for (p = pumps; p && n < 40; p = p->next) {
			if (p->co.line == 0)
				pump_run(p);	/* first step: up to the yield */
			pf[n++] = (struct pollfd){ p->fd, POLLIN, 0 };
		}
		if (poll(pf, n, -1) < 0 && errno == EINTR)
			continue;
		if (pf[0].revents)
			break;
		struct pump **pp = &pumps;
		while ((p = *pp) != NULL) {
			nfds_t k;

			for (k = 1; k < n && pf[k].fd != p->fd; k++)
				;
			if (k < n && pf[k].revents && pump_run(p) == CO_DONE && p != root) {
				/* pumps added meanwhile are at the head: search again */
				for (pp = &pumps; *pp != p; pp = &(*pp)->next)
					;
				*pp = p->next;
				close(p->fd);
				free(p);
				continue;
			}
			pp = &p->next;
		}
	}
	while ((p = pumps)) {
		pumps = p->next;
		close(p->fd);
		free(p);
	}
	return NULL;
}

int main(void)
{
	pthread_t t;
	int st, bad = 0;

	psz = sysconf(_SC_PAGESIZE);
	const size_t len = 8 * psz;
	image = malloc(len);
	for (size_t i = 0; i < len; i++)
		image[i] = i / psz + 'a';
	char *m = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	base = (uintptr_t)m;
	int fd = syscall(SYS_userfaultfd, O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return 77;
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	if (ioctl(fd, UFFDIO_API, &api))
		return 77;
	struct uffdio_register reg = { .range = { base, len }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (ioctl(fd, UFFDIO_REGISTER, &reg) || pump_add(fd) || pipe2(off, O_CLOEXEC))
		return 1;
	if (pthread_create(&t, NULL, sched, pumps))
		return 1;
	for (int i = 0; i < 5; i++) {
		pid_t c = fork();
		if (!c)
			_exit(m[i * psz] != 'a' + i);
		waitpid(c, &st, 0);
		bad |= st;
	}
	close(off[1]);
	pthread_join(t, NULL);
	printf("bad %d\n", bad);
	return bad;
}
