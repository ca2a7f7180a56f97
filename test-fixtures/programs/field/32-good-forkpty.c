/* ttyrec-like: a recorder with a lazily mapped scrollback */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef struct {
	int uffd;
	char *lines;
	size_t cap, used;
	long psz;
} scrollback;

typedef struct {
	int master;
	pid_t shell;
	scrollback sb;
	struct winsize ws;
} recorder;

static _Noreturn void fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fprintf(stderr, ": %s\n", strerror(errno));
	exit(1);
}

static void scrollback_open(scrollback *sb, size_t cap)
{
	struct uffdio_api api = { .api = UFFD_API };

	sb->psz = sysconf(_SC_PAGESIZE);
	sb->cap = cap;
	sb->lines = mmap(NULL, cap, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (sb->lines == MAP_FAILED)
		fail("scrollback of %zu bytes", cap);
	sb->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (sb->uffd < 0)
		fail("userfaultfd");
	api.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE;
	if (ioctl(sb->uffd, UFFDIO_API, &api) < 0)
		fail("UFFDIO_API %#llx", (unsigned long long)api.features);
}

static void scrollback_arm(scrollback *sb)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)sb->lines, .len = sb->cap },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(sb->uffd, UFFDIO_REGISTER, &reg) < 0)
		fail("UFFDIO_REGISTER");
}

static void scrollback_fault(scrollback *sb, const struct uffd_msg *msg)
{
	struct uffdio_zeropage z = { .range = { msg->arg.pagefault.address & -sb->psz, sb->psz } };

	while (ioctl(sb->uffd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
}

static void *scrollback_thread(void *arg)
{
	scrollback *sb = arg;
	struct uffd_msg msg;

	for (;;) {
		switch (read(sb->uffd, &msg, sizeof(msg))) {
		case -1:
			if (errno == EINTR)
				continue;
			return NULL;
		case sizeof(msg):
			break;
		default:
			return NULL;
		}
		switch (msg.event) {
		case UFFD_EVENT_PAGEFAULT:
			scrollback_fault(sb, &msg);
			break;
		case UFFD_EVENT_FORK:
			close(msg.arg.fork.ufd);
			break;
		case UFFD_EVENT_REMOVE:
			break;
		}
	}
}

static void record(recorder *r)
{
	char buf[512];
	ssize_t n;

	while ((n = read(r->master, buf, sizeof(buf))) > 0) {
		if (r->sb.used + n > r->sb.cap)
			r->sb.used = 0;
		memcpy(r->sb.lines + r->sb.used, buf, n);
		r->sb.used += n;
	}
}

static void spawn_shell(recorder *r, char *const argv[])
{
	r->shell = forkpty(&r->master, NULL, NULL, &r->ws);
	if (r->shell < 0)
		fail("forkpty");
	if (r->shell == 0) {
		execvp(argv[0], argv);
		_exit(127);
	}
}

int main(void)
{
	char *const argv[] = { "echo", "hello", NULL };
	recorder r = { .master = -1, .ws = { .ws_row = 25, .ws_col = 80 } };
	pthread_t t;
	int st;

	scrollback_open(&r.sb, 1 << 20);
	spawn_shell(&r, argv);
	scrollback_arm(&r.sb);
	if (pthread_create(&t, NULL, scrollback_thread, &r.sb))
		fail("pthread_create");
	record(&r);
	waitpid(r.shell, &st, 0);
	printf("%zu bytes, exit %d\n", r.sb.used, WEXITSTATUS(st));
	return 0;
}
