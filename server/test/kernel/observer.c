/*
 * Preloaded into a fixture: limits what its `setup:` lines ask for, and writes to the file named by UFFD_OBSERVE the
 * requests that failed and the userfaultfd descriptors that are left when the main process ends. Only system calls and
 * pure functions are used: a fork() may hold the C library's locks.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/userfaultfd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static int log_fd = -1;
static pid_t main_pid;

static void say(const char *format, ...)
{
	char line[160];
	va_list arguments;
	int n;

	if (log_fd < 0)
		return;
	va_start(arguments, format);
	n = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (n > 0)
		syscall(SYS_write, log_fd, line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static int userfaultfds(void)
{
	char path[64], target[64];
	int count = 0;

	for (int fd = 0; fd < 256; fd++) {
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		n = readlink(path, target, sizeof(target) - 1);
		if (n > 0) {
			target[n] = 0;
			count += strstr(target, "[userfaultfd]") != NULL;
		}
	}
	return count;
}

static void drop_ptrace_capability(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return;
	data[0].effective &= ~(1u << CAP_SYS_PTRACE);
	data[0].permitted &= ~(1u << CAP_SYS_PTRACE);
	data[0].inheritable &= ~(1u << CAP_SYS_PTRACE);
	syscall(SYS_capset, &header, data);
}

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("UFFD_OBSERVE");
	const char *limit = getenv("UFFD_NOFILE");

	main_pid = getpid();
	if (path)
		log_fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (log_fd >= 0) {
		int high = fcntl(log_fd, F_DUPFD_CLOEXEC, 200);

		if (high >= 0) {
			close(log_fd);
			log_fd = high;
		}
	}
	unsetenv("LD_PRELOAD");
	if (getenv("UFFD_DROP_CAP"))
		drop_ptrace_capability();
	if (limit) {
		struct rlimit r = { strtoul(limit, NULL, 10), strtoul(limit, NULL, 10) };

		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static void finish(void)
{
	if (getpid() == main_pid)
		say("uffd-left %d\n", userfaultfds());
}

__attribute__((destructor)) static void end(void)
{
	finish();
}

void _exit(int status)
{
	finish();
	syscall(SYS_exit_group, status);
	__builtin_unreachable();
}

static const char *request_name(unsigned long request)
{
	switch (request) {
	case UFFDIO_API: return "UFFDIO_API";
	case UFFDIO_REGISTER: return "UFFDIO_REGISTER";
	case UFFDIO_UNREGISTER: return "UFFDIO_UNREGISTER";
	case UFFDIO_COPY: return "UFFDIO_COPY";
	case UFFDIO_ZEROPAGE: return "UFFDIO_ZEROPAGE";
	default: return "other";
	}
}

int ioctl(int fd, unsigned long request, ...)
{
	va_list arguments;
	void *argument;
	int result;

	va_start(arguments, request);
	argument = va_arg(arguments, void *);
	va_end(arguments);
	result = syscall(SYS_ioctl, fd, request, argument);
	if (result < 0) {
		int error = errno;

		say("errno %s %s\n", strerrorname_np(error), request_name(request));
		errno = error;
	}
	return result;
}

ssize_t read(int fd, void *buffer, size_t length)
{
	ssize_t result = syscall(SYS_read, fd, buffer, length);

	if (result < 0 && errno != EAGAIN && errno != EINTR) {
		int error = errno;

		say("errno %s read\n", strerrorname_np(error));
		errno = error;
	}
	return result;
}
