/*
 * test harness in LTP style: SAFE_* macros, tst_brk, a setup that asks the
 * kernel what it can do and a run function.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { TPASS, TFAIL, TBROK, TCONF, TINFO };

static void tst_res_(const char *file, int line, int type, const char *fmt, ...)
{
	static const char *const names[] = { "TPASS", "TFAIL", "TBROK", "TCONF", "TINFO" };
	va_list ap;

	fprintf(stderr, "%s:%d: %s: ", file, line, names[type]);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

static void tst_brk_(const char *file, int line, int type, const char *msg)
{
	tst_res_(file, line, type, "%s", msg);
	exit(type);
}

#define tst_res(type, ...) tst_res_(__FILE__, __LINE__, type, __VA_ARGS__)
#define tst_brk(type, msg) tst_brk_(__FILE__, __LINE__, type, msg)

static int safe_ioctl(const char *file, int line, int fd, unsigned long req, const char *name, void *arg)
{
	int rv = ioctl(fd, req, arg);

	if (rv == -1) {
		tst_res_(file, line, TBROK, "ioctl(%d,%s,...) failed: %s", fd, name, strerror(errno));
		exit(TBROK);
	}
	return rv;
}
#define SAFE_IOCTL(fd, req, arg) safe_ioctl(__FILE__, __LINE__, fd, req, #req, arg)

static int safe_userfaultfd(const char *file, int line, int flags)
{
	int fd = syscall(__NR_userfaultfd, flags);

	if (fd == -1) {
		if (errno == EPERM)
			tst_brk_(file, line, TCONF, "Hint: check /proc/sys/vm/unprivileged_userfaultfd");
		tst_brk_(file, line, TBROK, "userfaultfd");
	}
	return fd;
}
#define SAFE_USERFAULTFD(flags) safe_userfaultfd(__FILE__, __LINE__, flags)

static int uffd = -1;
static char *pages;
static long page_size;
static int events;

static void reset_pages(void)
{
	pages = mmap(NULL, 4 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pages == MAP_FAILED)
		tst_brk(TBROK, "mmap");
}

static void setup(void)
{
	struct uffdio_api probe = { .api = UFFD_API, .features = 0 };
	struct uffdio_api want = { .api = UFFD_API };

	page_size = sysconf(_SC_PAGE_SIZE);
	uffd = SAFE_USERFAULTFD(O_CLOEXEC | O_NONBLOCK);
	SAFE_IOCTL(uffd, UFFDIO_API, &probe);
	if (!(probe.features & UFFD_FEATURE_EVENT_FORK))
		tst_brk(TCONF, "no fork events");

	want.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(uffd, UFFDIO_API, &want) == -1) // expect: repeated-handshake
		tst_brk(TBROK, "cannot enable fork events");
	reset_pages();
}

static void *handle_thread(void *unused)
{
	struct pollfd pfd = { .fd = uffd, .events = POLLIN };
	struct uffd_msg msg;

	while (poll(&pfd, 1, 2000) == 1) {
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event != UFFD_EVENT_FORK) {
			tst_res(TFAIL, "unexpected event %d", msg.event);
			break;
		}
		events++;
		close(msg.arg.fork.ufd);
		break;
	}
	return unused;
}

static void run(void)
{
	struct uffdio_register reg = {
		.range = { (unsigned long)pages, 4 * page_size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	pthread_t thr;
	pid_t pid;

	SAFE_IOCTL(uffd, UFFDIO_REGISTER, &reg);
	if (pthread_create(&thr, NULL, handle_thread, NULL))
		tst_brk(TBROK, "pthread_create");
	pid = fork();
	if (pid < 0)
		tst_brk(TBROK, "fork");
	if (!pid)
		_exit(0);
	waitpid(pid, NULL, 0);
	pthread_join(thr, NULL);
	if (events == 1)
		tst_res(TPASS, "got the fork event");
	else
		tst_res(TFAIL, "%d fork events", events);
}

static void cleanup(void)
{
	if (uffd != -1)
		close(uffd);
	if (pages)
		munmap(pages, 4 * page_size);
}

int main(void)
{
	setup();
	run();
	cleanup();
	return events == 1 ? 0 : 1;
}
