/*
 * Preloaded into every fixture; a fixture itself carries no instrumentation.
 *
 * At the start it does what the `setup:` lines ask for. While the program runs it writes each kind of failed userfaultfd
 * request once to the file named by UFFD_OBSERVE, and when the main process ends the number of userfaultfd descriptors
 * in its table. A reader that is about to close one gets the time for it: where the table holds more than UFFD_LEFT says,
 * the end waits for a while.
 *
 * The trap: all of this may run while fork() waits in another thread and holds the locks of malloc and stdio. So it
 * uses system calls and its own buffer, and nothing else.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define MAX_DESCRIPTORS 1024
#define MAX_ERRNO 256
#define IOC_TYPE_UFFD 0xaa
/* One past the request numbers 0x00 … 0x3f. */
#define READ_SLOT 0x40
/* How often, and how long apart, the descriptors are counted again. */
#define MAX_COUNTS 400
#define NANOSECONDS_BETWEEN_COUNTS 5000000L

static int log_fd = -1;
static pid_t main_pid;
static int expected_left = MAX_DESCRIPTORS;
static atomic_bool said[READ_SLOT + 1][MAX_ERRNO];
static atomic_bool counted;

struct line {
	char text[128];
	size_t length;
};

static void put(struct line *l, const char *s)
{
	while (*s && l->length < sizeof(l->text) - 1)
		l->text[l->length++] = *s++;
	l->text[l->length] = 0;
}

static void put_number(struct line *l, unsigned number)
{
	char digits[12];
	int at = sizeof(digits) - 1;

	digits[at] = 0;
	do
		digits[--at] = '0' + number % 10;
	while (number /= 10);
	put(l, digits + at);
}

static void say(struct line *l)
{
	put(l, "\n");
	if (log_fd >= 0)
		syscall(SYS_write, log_fd, l->text, l->length);
}

static int is_userfaultfd(int fd)
{
	struct line path = { .length = 0 };
	char target[64];
	long n;

	put(&path, "/proc/self/fd/");
	put_number(&path, fd);
	n = syscall(SYS_readlinkat, AT_FDCWD, path.text, target, sizeof(target) - 1);
	if (n <= 0)
		return 0;
	target[n] = 0;
	return strcmp(target, "anon_inode:[userfaultfd]") == 0;
}

static int userfaultfds(void)
{
	int count = 0;

	for (int fd = 0; fd < MAX_DESCRIPTORS; fd++)
		count += is_userfaultfd(fd);
	return count;
}

static void say_what_is_left(void)
{
	const struct timespec pause = { .tv_nsec = NANOSECONDS_BETWEEN_COUNTS };
	struct line l = { .length = 0 };
	int count;

	if (syscall(SYS_getpid) != main_pid || atomic_exchange(&counted, 1))
		return;
	count = userfaultfds();
	for (int i = 0; i < MAX_COUNTS && count > expected_left; i++) {
		syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &pause, NULL);
		count = userfaultfds();
	}
	put(&l, "uffd-left ");
	put_number(&l, count);
	say(&l);
}

static void say_failure(int slot, const char *request, int error)
{
	struct line l = { .length = 0 };
	const char *name = strerrorname_np(error);

	if (error >= MAX_ERRNO || atomic_exchange(&said[slot][error], 1))
		return;
	put(&l, "errno ");
	put(&l, name ? name : "unknown");
	put(&l, " ");
	put(&l, request);
	say(&l);
}

static const char *request_name(unsigned number)
{
	switch (number) {
	case _UFFDIO_REGISTER: return "UFFDIO_REGISTER";
	case _UFFDIO_UNREGISTER: return "UFFDIO_UNREGISTER";
	case _UFFDIO_WAKE: return "UFFDIO_WAKE";
	case _UFFDIO_COPY: return "UFFDIO_COPY";
	case _UFFDIO_ZEROPAGE: return "UFFDIO_ZEROPAGE";
	/* By number: the header may be older than the kernel. */
	case 0x05: return "UFFDIO_MOVE";
	case 0x06: return "UFFDIO_WRITEPROTECT";
	case 0x07: return "UFFDIO_CONTINUE";
	case 0x08: return "UFFDIO_POISON";
	case _UFFDIO_API: return "UFFDIO_API";
	default: return "unknown";
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *argument;
	int result, error;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	result = syscall(SYS_ioctl, fd, request, argument);
	error = errno;
	if (result == -1 && _IOC_TYPE(request) == IOC_TYPE_UFFD && _IOC_NR(request) < READ_SLOT)
		say_failure(_IOC_NR(request), request_name(_IOC_NR(request)), error);
	errno = error;
	return result;
}

ssize_t read(int fd, void *buffer, size_t length)
{
	ssize_t result = syscall(SYS_read, fd, buffer, length);
	int error = errno;

	if (result == -1 && is_userfaultfd(fd))
		say_failure(READ_SLOT, "read", error);
	errno = error;
	return result;
}

static void drop_ptrace_capability(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) == -1)
		return;
	data[0].effective &= ~(1u << CAP_SYS_PTRACE);
	data[0].permitted &= ~(1u << CAP_SYS_PTRACE);
	data[0].inheritable &= ~(1u << CAP_SYS_PTRACE);
	syscall(SYS_capset, &header, data);
}

/* The log takes a high number: the fixture gets the low ones, as it would without us. */
static void open_log(const char *path)
{
	int low = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	if (low == -1)
		return;
	log_fd = fcntl(low, F_DUPFD_CLOEXEC, MAX_DESCRIPTORS / 2);
	if (log_fd == -1)
		log_fd = low;
	else
		close(low);
}

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("UFFD_OBSERVE");
	const char *limit = getenv("UFFD_NOFILE");
	const char *left = getenv("UFFD_LEFT");

	main_pid = syscall(SYS_getpid);
	if (path)
		open_log(path);
	if (left)
		expected_left = strtol(left, NULL, 10);
	if (getenv("UFFD_DROP_CAP"))
		drop_ptrace_capability();
	if (limit) {
		struct rlimit r = { strtoul(limit, NULL, 10), strtoul(limit, NULL, 10) };

		setrlimit(RLIMIT_NOFILE, &r);
	}
	/* Programs that the fixture starts are not observed. */
	unsetenv("LD_PRELOAD");
}

__attribute__((destructor)) static void end(void)
{
	say_what_is_left();
}

void _exit(int status)
{
	say_what_is_left();
	for (;;)
		syscall(SYS_exit_group, status);
}

void _Exit(int status)
{
	_exit(status);
}
