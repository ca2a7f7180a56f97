// style: exceptions by setjmp() behind TRY, CATCH and ENDTRY
/* setjmp/longjmp exceptions: TRY/CATCH/FINALLY, descriptor ownership moved out of the frame */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct exc_frame { jmp_buf jb; struct exc_frame *up; const char *what; int err; };
static __thread struct exc_frame *exc_top;

static void __attribute__((noreturn)) throw_(const char *what, int err)
{
	struct exc_frame *f = exc_top;

	if (!f) {
		fprintf(stderr, "uncaught: %s: %s\n", what, strerror(err));
		abort();
	}
	exc_top = f->up;
	f->what = what;
	f->err = err;
	longjmp(f->jb, 1);
}

#define TRY { struct exc_frame exc_ = { .up = exc_top }; exc_top = &exc_; if (setjmp(exc_.jb) == 0) {
#define CATCH exc_top = exc_.up; } else {
#define ENDTRY } }
#define EXC_ERR (exc_.err)
#define EXC_WHAT (exc_.what)

static int x_userfaultfd(int flags)
{
	int fd = syscall(SYS_userfaultfd, flags);
	if (fd < 0)
		throw_("userfaultfd", errno);
	return fd;
}

static void x_ioctl(int fd, unsigned long rq, void *arg, const char *name)
{
	if (ioctl(fd, rq, arg) < 0)
		throw_(name, errno);
}
#define XIOCTL(fd, rq, arg) x_ioctl((fd), (rq), (arg), #rq)

static void *x_alloc(size_t n)
{
	void *p = calloc(1, n);
	if (!p)
		throw_("calloc", ENOMEM);
	return p;
}

struct kid { int fd; struct kid *next; };
static struct kid *kids;
static int root = -1, bell[2];
static long psz;

static void attach(int fd)
{
	struct kid *k = NULL;

	TRY
		k = x_alloc(sizeof *k);
	CATCH
		close(fd);
		throw_(EXC_WHAT, EXC_ERR);
	ENDTRY
	k->fd = fd;
	k->next = kids;
	kids = k;
}

static void resolve(int fd, uint64_t a)
{
	struct uffdio_zeropage z = { .range = { a & -psz, psz } };

	XIOCTL(fd, UFFDIO_ZEROPAGE, &z);
}

static void one(int fd)
{
	struct uffd_msg m;
	ssize_t n = read(fd, &m, sizeof m);

	if (n < 0) {
		if (errno != EAGAIN)
			throw_("read", errno);
		return;
	}
	if (n != sizeof m)
		throw_("short read", EIO);
	switch (m.event) {
	case UFFD_EVENT_FORK:
		attach(m.arg.fork.ufd);
		break;
	case UFFD_EVENT_PAGEFAULT:
		TRY
			resolve(fd, m.arg.pagefault.address);
		CATCH
			struct uffdio_range r = { m.arg.pagefault.address & -psz, psz };
			if (EXC_ERR == EAGAIN || EXC_ERR == EEXIST)
				ioctl(fd, UFFDIO_WAKE, &r);
			else if (EXC_ERR != ESRCH)
				throw_(EXC_WHAT, EXC_ERR);
		ENDTRY
		break;
	default:
		throw_("unknown event", EPROTO);
	}
}

static void *server(void *p)
{
	int *rc = p;

	TRY
		for (;;) {
			struct pollfd pf[64];
			int n = 0;

			pf[n++] = (struct pollfd){ .fd = bell[0], .events = POLLIN };
			pf[n++] = (struct pollfd){ .fd = root, .events = POLLIN };
			for (struct kid *k = kids; k && n < 64; k = k->next)
				pf[n++] = (struct pollfd){ .fd = k->fd, .events = POLLIN };
			if (poll(pf, n, -1) < 0 && errno != EINTR)
				throw_("poll", errno);
			if (pf[0].revents)
				break;
			for (int i = 1; i < n; i++)
				if (pf[i].revents)
					one(pf[i].fd);
		}
	CATCH
		fprintf(stderr, "server: %s: %s\n", EXC_WHAT, strerror(EXC_ERR));
		*rc = 1;
	ENDTRY
	while (kids) {
		struct kid *k = kids;
		kids = k->next;
		close(k->fd);
		free(k);
	}
	return NULL;
}

int main(void)
{
	pthread_t t;
	static int rc;
	int st = 0;

	psz = sysconf(_SC_PAGESIZE);
	TRY
		char *m = mmap(NULL, 16 * psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
		struct uffdio_register r = { .range = { (uintptr_t)m, 16 * psz }, .mode = UFFDIO_REGISTER_MODE_MISSING };

		if (m == MAP_FAILED)
			throw_("mmap", errno);
		root = x_userfaultfd(O_CLOEXEC | O_NONBLOCK);
		XIOCTL(root, UFFDIO_API, &api);
		XIOCTL(root, UFFDIO_REGISTER, &r);
		if (pipe2(bell, O_CLOEXEC))
			throw_("pipe", errno);
		if (pthread_create(&t, NULL, server, &rc))
			throw_("thread", EAGAIN);
		for (int i = 0; i < 4; i++) {
			pid_t c = fork();
			if (c < 0)
				throw_("fork", errno);
			if (!c)
				_exit(m[i * psz]);
			if (waitpid(c, &st, 0) != c || st)
				throw_("child", ECHILD);
		}
		close(bell[1]);
		pthread_join(t, NULL);
	CATCH
		fprintf(stderr, "%s: %s\n", EXC_WHAT, strerror(EXC_ERR));
		return 1;
	ENDTRY
	close(root);
	close(bell[0]);
	printf("rc %d\n", rc);
	return rc;
}
