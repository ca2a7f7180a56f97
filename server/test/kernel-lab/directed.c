/*
 * What scripts do not reach: one case by its name, which prints what it saw, one fact a line. The expectations stand in
 * directed.test.ts. `family NAME` does one call of the library and counts the FORK messages that it sends.
 *
 * Every case is a process of its own with an alarm, in the group that the test ends; nothing waits longer than that.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>
#include <wordexp.h>

#define PAGE 4096UL
#define SECONDS 8
#define EVENT_FORK UFFD_FEATURE_EVENT_FORK
#define EVENT_REMAP UFFD_FEATURE_EVENT_REMAP
#define EVENT_REMOVE UFFD_FEATURE_EVENT_REMOVE
#define EVENT_UNMAP UFFD_FEATURE_EVENT_UNMAP

extern char **environ;

/* Without stdio: another thread may wait in fork() with its locks. */
static void say(const char *format, ...)
{
	char line[256];
	va_list arguments;
	int n;

	va_start(arguments, format);
	n = vsnprintf(line, sizeof(line) - 1, format, arguments);
	va_end(arguments);
	line[n++] = '\n';
	if (write(1, line, n) != n)
		_exit(9);
}

static void nap(int milliseconds)
{
	struct timespec t = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

	while (nanosleep(&t, &t) == -1 && errno == EINTR)
		;
}

static const char *name_of(int error)
{
	return error == 0 ? "ok" : strerrorname_np(error);
}

static int new_uffd(uint64_t features)
{
	struct uffdio_api api = { .api = UFFD_API, .features = features };
	int fd = syscall(SYS_userfaultfd, O_NONBLOCK | O_CLOEXEC);

	if (fd == -1 || ioctl(fd, UFFDIO_API, &api) == -1)
		_exit(8);
	return fd;
}

static int arm(int fd, void *start, size_t length, uint64_t mode)
{
	struct uffdio_register r = { .range = { (unsigned long)start, length }, .mode = mode };

	return ioctl(fd, UFFDIO_REGISTER, &r) == -1 ? errno : 0;
}

static char *memory(size_t length)
{
	return mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static const char *event_name(int event)
{
	switch (event) {
	case UFFD_EVENT_PAGEFAULT: return "PAGEFAULT";
	case UFFD_EVENT_FORK: return "FORK";
	case UFFD_EVENT_REMAP: return "REMAP";
	case UFFD_EVENT_REMOVE: return "REMOVE";
	case UFFD_EVENT_UNMAP: return "UNMAP";
	default: return "?";
	}
}

/* Is there a message within the time? */
static int waits(int fd, int milliseconds)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, milliseconds) == 1 && p.revents == POLLIN;
}

static int take(int fd, struct uffd_msg *m)
{
	return read(fd, m, sizeof(*m)) == sizeof(*m) ? 0 : errno;
}

/* Runs a function in a thread and tells every event that it sends. */
struct deed {
	void (*act)(void);
	volatile int done;
};

static void *deed_thread(void *argument)
{
	struct deed *d = argument;

	d->act();
	d->done = 1;
	return NULL;
}

static void tell_events(int fd, const char *what, void (*act)(void))
{
	struct deed d = { act, 0 };
	char told[200] = "";
	struct uffd_msg m;
	pthread_t t;

	pthread_create(&t, NULL, deed_thread, &d);
	for (int quiet = 0; quiet < 3 || !d.done; ) {
		if (!waits(fd, 20)) {
			quiet++;
			continue;
		}
		if (take(fd, &m) != 0)
			continue;
		strcat(told, " ");
		strcat(told, event_name(m.event));
		if (m.event == UFFD_EVENT_PAGEFAULT) {
			struct uffdio_zeropage z = { .range = { m.arg.pagefault.address & ~(PAGE - 1), PAGE } };
			ioctl(fd, UFFDIO_ZEROPAGE, &z);
		}
	}
	pthread_join(t, NULL);
	say("%s:%s", what, *told ? told : " none");
}

/* ---------------------------------------------------------------------------------- the family of fork */

static int nothing(void *unused)
{
	(void)unused;
	return 0;
}

static void *nothing_thread(void *unused)
{
	return unused;
}

static char clone_stack[65536] __attribute__((aligned(16)));

static void clone_with(int flags)
{
	pid_t child = clone(nothing, clone_stack + sizeof(clone_stack), flags | SIGCHLD, NULL);

	waitpid(child, NULL, __WALL);
}

static void clone3_with(uint64_t flags)
{
	int pidfd = -1;
	struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls; } a = {
		.flags = flags,
		.pidfd = (uint64_t)&pidfd,
		.exit_signal = SIGCHLD,
	};
	long child = syscall(SYS_clone3, &a, sizeof(a));

	if (child == 0)
		_exit(0);
	waitpid(child, NULL, __WALL);
}

static void spawn(int with_path)
{
	char *arguments[] = { "true", NULL };
	pid_t child;

	if ((with_path ? posix_spawnp(&child, "true", NULL, NULL, arguments, environ)
		       : posix_spawn(&child, "/bin/true", NULL, NULL, arguments, environ)) == 0)
		waitpid(child, NULL, 0);
}

static void family_call(const char *name)
{
	pid_t child = -1;
	int is_child = 0;

	if (!strcmp(name, "fork") || !strcmp(name, "fork+exec"))
		is_child = (child = fork()) == 0;
	else if (!strcmp(name, "_Fork"))
		is_child = (child = _Fork()) == 0;
	else if (!strcmp(name, "SYS_fork"))
		is_child = (child = syscall(SYS_fork)) == 0;
	else if (!strcmp(name, "forkpty")) {
		int terminal;
		is_child = (child = forkpty(&terminal, NULL, NULL, NULL)) == 0;
	} else if (!strcmp(name, "daemon")) {
		if (daemon(1, 1) == 0)
			_exit(0);
	} else if (!strcmp(name, "vfork") || !strcmp(name, "vfork+exec")) {
		child = vfork();
		if (child == 0) {
			if (name[5] == '+')
				execl("/bin/true", "true", NULL);
			_exit(0);
		}
	} else if (!strcmp(name, "clone"))
		clone_with(0);
	else if (!strcmp(name, "clone CLONE_FILES"))
		clone_with(CLONE_FILES);
	else if (!strcmp(name, "clone CLONE_VFORK"))
		clone_with(CLONE_VFORK);
	else if (!strcmp(name, "clone CLONE_VM"))
		clone_with(CLONE_VM);
	else if (!strcmp(name, "clone CLONE_VM|CLONE_VFORK"))
		clone_with(CLONE_VM | CLONE_VFORK);
	else if (!strcmp(name, "clone3"))
		clone3_with(0);
	else if (!strcmp(name, "clone3 CLONE_NEWUSER|CLONE_NEWPID"))
		clone3_with(CLONE_NEWUSER | CLONE_NEWPID);
	else if (!strcmp(name, "clone3 CLONE_PIDFD|CLONE_CLEAR_SIGHAND"))
		clone3_with(CLONE_PIDFD | 0x100000000ULL);
	else if (!strcmp(name, "posix_spawn") || !strcmp(name, "posix_spawnp"))
		spawn(name[11] == 'p');
	else if (!strcmp(name, "system")) {
		if (system("true") != 0)
			_exit(7);
	} else if (!strcmp(name, "popen"))
		pclose(popen("true", "r"));
	else if (!strcmp(name, "wordexp")) {
		wordexp_t words;
		if (wordexp("$(echo a)", &words, 0) == 0)
			wordfree(&words);
	} else if (!strcmp(name, "pthread_create")) {
		pthread_t t;
		pthread_create(&t, NULL, nothing_thread, NULL);
		pthread_join(t, NULL);
	} else if (!strcmp(name, "thrd_create")) {
		thrd_t t;
		thrd_create(&t, nothing, NULL);
		thrd_join(t, NULL);
	} else if (!strcmp(name, "unshare")) {
		if (unshare(CLONE_FS | CLONE_FILES) == -1)
			_exit(7);
	} else
		_exit(6);
	if (is_child) {
		if (!strcmp(name, "fork+exec"))
			execl("/bin/true", "true", NULL);
		_exit(0);
	}
	if (child > 0)
		waitpid(child, NULL, 0);
}

/* The reader is another process, which has the descriptor from before the memory was armed. */
static void family(const char *name)
{
	int *count = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int fd = new_uffd(EVENT_FORK);
	char *armed = memory(PAGE);
	pid_t reader = fork();

	if (reader == 0) {
		struct uffd_msg m;

		alarm(SECONDS);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			if (waits(fd, 1000) && take(fd, &m) == 0 && m.event == UFFD_EVENT_FORK) {
				++*count;
				close(m.arg.fork.ufd);
			}
	}
	if (arm(fd, armed, PAGE, UFFDIO_REGISTER_MODE_MISSING) != 0)
		_exit(8);
	family_call(name);
	nap(20);
	say("family %s: %d", name, *count);
	kill(reader, SIGKILL);
	waitpid(reader, NULL, 0);
}

/* daemon() ends its caller, so the counting is done by a process above it. */
static void family_daemon(void)
{
	int *count = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t owner = fork();

	if (owner == 0) {
		int fd = new_uffd(EVENT_FORK);
		char *armed = memory(PAGE);
		struct uffd_msg m;
		pid_t reader = fork();

		alarm(SECONDS);
		if (reader == 0) {
			if (waits(fd, 2000) && take(fd, &m) == 0 && m.event == UFFD_EVENT_FORK)
				++*count;
			_exit(0);
		}
		if (arm(fd, armed, PAGE, UFFDIO_REGISTER_MODE_MISSING) != 0)
			_exit(8);
		family_call("daemon");
		_exit(0);
	}
	waitpid(owner, NULL, 0);
	nap(100);
	say("family daemon: %d", *count);
}

/* ---------------------------------------------------------------------------------- signals and the waiting fork */

static volatile sig_atomic_t handler_runs;

static void on_signal(int unused)
{
	(void)unused;
	handler_runs++;
}

static int send_descriptor(int socket, int fd)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &fd, sizeof(int));
	return sendmsg(socket, &m, 0) == 1 ? 0 : -1;
}

static int receive_descriptor(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control) };
	int fd = -1;

	if (recvmsg(socket, &m, MSG_CMSG_CLOEXEC) == 1 && CMSG_FIRSTHDR(&m))
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof(int));
	return fd;
}

/* A process whose only thread waits in fork(), and a copy of its descriptor. */
static pid_t stuck_fork(int *fd, int block, int handled)
{
	int pair[2];
	pid_t victim;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		_exit(8);
	victim = fork();
	if (victim == 0) {
		int own = new_uffd(EVENT_FORK);
		char *armed = memory(PAGE);
		sigset_t all;

		alarm(SECONDS);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (handled)
			signal(SIGUSR1, on_signal);
		if (block) {
			sigfillset(&all);
			sigprocmask(SIG_BLOCK, &all, NULL);
		}
		arm(own, armed, PAGE, UFFDIO_REGISTER_MODE_MISSING);
		if (send_descriptor(pair[1], own) == -1)
			_exit(8);
		if (syscall(SYS_fork) == 0)
			_exit(0);
		_exit(handled ? 20 + handler_runs : 20);
	}
	*fd = receive_descriptor(pair[0]);
	close(pair[1]);
	if (!waits(*fd, 2000))
		_exit(8);
	return victim;
}

static void tell_end(const char *what, pid_t victim)
{
	int status;

	for (int i = 0; i < 30; i++) {
		if (waitpid(victim, &status, WNOHANG) == victim) {
			if (WIFSIGNALED(status))
				say("%s: killed by SIG%s", what, sigabbrev_np(WTERMSIG(status)));
			else
				say("%s: exit %d", what, WEXITSTATUS(status));
			return;
		}
		nap(10);
	}
	say("%s: still there", what);
}

static void case_signals(void)
{
	struct uffd_msg m;
	pid_t victim;
	int fd;

	victim = stuck_fork(&fd, 0, 0);
	kill(victim, SIGTERM);
	tell_end("SIGTERM, not blocked", victim);
	say("its message: %s", name_of(take(fd, &m)));
	close(fd);

	victim = stuck_fork(&fd, 1, 0);
	kill(victim, SIGTERM);
	tell_end("SIGTERM, blocked", victim);
	kill(victim, SIGKILL);
	tell_end("SIGKILL", victim);
	close(fd);

	victim = stuck_fork(&fd, 0, 1);
	kill(victim, SIGUSR1);
	tell_end("a signal with a handler", victim);
	kill(victim, SIGTERM);
	tell_end("SIGTERM behind it", victim);
	say("the message: %s", name_of(take(fd, &m)));
	close(m.arg.fork.ufd);
	tell_end("after the read", victim);
	close(fd);

	victim = stuck_fork(&fd, 0, 0);
	kill(victim, SIGSTOP);
	nap(30);
	kill(victim, SIGCONT);
	tell_end("SIGSTOP and SIGCONT", victim);
	say("the message: %s", name_of(take(fd, &m)));
	close(m.arg.fork.ufd);
	tell_end("after the read", victim);
	say("a second message: %s", name_of(take(fd, &m)));
}

/* ---------------------------------------------------------------------------------- readers elsewhere */

static void case_rescue(void)
{
	struct uffd_msg m;
	pid_t victim;
	int fd, again, pidfd;

	victim = stuck_fork(&fd, 0, 0);
	close(fd);
	tell_end("the copy sent by SCM_RIGHTS is closed", victim);
	pidfd = syscall(SYS_pidfd_open, victim, 0);
	again = -1;
	for (int number = 3; number < 16 && again == -1; number++) {
		char path[64], target[64] = "";

		snprintf(path, sizeof(path), "/proc/%d/fd/%d", victim, number);
		if (readlink(path, target, sizeof(target) - 1) > 0 && strstr(target, "userfaultfd"))
			again = syscall(SYS_pidfd_getfd, pidfd, number, 0);
	}
	say("pidfd_getfd and read: %s", name_of(take(again, &m)));
	tell_end("the fork", victim);
}

/* ---------------------------------------------------------------------------------- events, and their absence */

static char *area;
static int object = -1;

static void act_process_madvise(void)
{
	struct iovec v = { area, PAGE };
	int self = syscall(SYS_pidfd_open, getpid(), 0);

	if (syscall(SYS_process_madvise, self, &v, 1, MADV_DONTNEED, 0) == -1)
		say("process_madvise: %s", name_of(errno));
	close(self);
}

static void act_mprotect(void) { mprotect(area, PAGE, PROT_READ); }
static void act_mlock(void) { mlock(area, PAGE); }
static void act_cold(void) { madvise(area, PAGE, MADV_COLD); }
static void act_pageout(void) { madvise(area, PAGE, MADV_PAGEOUT); }
static void act_populate(void) { madvise(area, PAGE, MADV_POPULATE_READ); }
static void act_punch(void) { fallocate(object, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE); }
static void act_truncate(void) { if (ftruncate(object, 0) == -1) _exit(8); }
static void act_grow(void) { area = mremap(area, 2 * PAGE, 64 * PAGE, MREMAP_MAYMOVE); }
static void act_double(void) { mremap(area, 0, 2 * PAGE, MREMAP_MAYMOVE); }
static void act_brk(void) { if (sbrk(-4 * (long)PAGE) == (void *)-1) _exit(8); }

static void with_area(int shared, const char *what, void (*act)(void))
{
	int fd = new_uffd(EVENT_REMAP | EVENT_REMOVE | EVENT_UNMAP);
	struct uffdio_zeropage z;

	if (shared) {
		object = memfd_create("object", MFD_CLOEXEC);
		if (ftruncate(object, 2 * PAGE) == -1)
			_exit(8);
		area = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, object, 0);
	} else {
		/* A neighbour, so that it cannot grow where it is. */
		area = memory(3 * PAGE);
	}
	arm(fd, area, 2 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	z = (struct uffdio_zeropage){ .range = { (unsigned long)area, 2 * PAGE } };
	ioctl(fd, UFFDIO_ZEROPAGE, &z);
	tell_events(fd, what, act);
	close(fd);
}

static void case_events(void)
{
	int fd;

	with_area(0, "process_madvise DONTNEED", act_process_madvise);
	with_area(0, "mprotect", act_mprotect);
	with_area(0, "mlock", act_mlock);
	with_area(0, "MADV_COLD", act_cold);
	with_area(0, "MADV_PAGEOUT", act_pageout);
	with_area(0, "MADV_POPULATE_READ", act_populate);
	with_area(1, "fallocate PUNCH_HOLE", act_punch);
	with_area(1, "ftruncate", act_truncate);
	with_area(0, "mremap that grows and moves", act_grow);
	with_area(1, "mremap of length 0", act_double);
	/* The heap: nothing else may use it from here on. */
	fd = new_uffd(EVENT_UNMAP);
	if (sbrk(PAGE - (unsigned long)sbrk(0) % PAGE) == (void *)-1 || sbrk(8 * PAGE) == (void *)-1)
		_exit(8);
	arm(fd, (char *)sbrk(0) - 4 * PAGE, 4 * PAGE, UFFDIO_REGISTER_MODE_MISSING);
	tell_events(fd, "brk that shrinks", act_brk);
}

/* ---------------------------------------------------------------------------------- readiness */

static void case_edge(void)
{
	struct epoll_event interest = { .events = EPOLLIN | EPOLLET }, got;
	struct rlimit few = { 3, 1024 };
	struct uffd_msg m;
	int fd, epoll;
	pid_t victim = stuck_fork(&fd, 0, 0);

	epoll = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &interest);
	say("edge-triggered, first wait: %d", epoll_wait(epoll, &got, 1, 200));
	setrlimit(RLIMIT_NOFILE, &few);
	say("read with a full table: %s", name_of(take(fd, &m)));
	say("edge-triggered, next wait: %d", epoll_wait(epoll, &got, 1, 200));
	say("still ready: %d", waits(fd, 0));
	few.rlim_cur = 64;
	setrlimit(RLIMIT_NOFILE, &few);
	say("read with room: %s", name_of(take(fd, &m)));
	tell_end("the fork", victim);
}

static volatile sig_atomic_t signals_for_io;

static void on_io(int unused)
{
	(void)unused;
	signals_for_io++;
}

static void case_async(void)
{
	int fd;
	pid_t victim;

	signal(SIGIO, on_io);
	victim = stuck_fork(&fd, 0, 0);
	say("F_SETOWN: %s", name_of(fcntl(fd, F_SETOWN, getpid()) == -1 ? errno : 0));
	say("F_SETFL O_ASYNC: %s", name_of(fcntl(fd, F_SETFL, O_NONBLOCK | O_ASYNC) == -1 ? errno : 0));
	say("F_GETFL has O_ASYNC: %d", (fcntl(fd, F_GETFL) & O_ASYNC) != 0);
	kill(victim, SIGKILL);
	tell_end("the fork", victim);
	say("SIGIO: %d", (int)signals_for_io);
}

/* ---------------------------------------------------------------------------------- kinds of memory */

static void case_memory(void)
{
	int fd = new_uffd(0), object_fd = memfd_create("object", MFD_CLOEXEC);
	struct uffdio_range none = { 0, PAGE };
	char *m;

	if (ftruncate(object_fd, 4 * PAGE) == -1)
		_exit(8);
	m = mmap(NULL, PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	say("PROT_NONE: %s", name_of(arm(fd, m, PAGE, 1)));
	m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_GROWSDOWN, -1, 0);
	say("MAP_GROWSDOWN: %s", name_of(arm(fd, m, PAGE, 1)));
	m = memory(PAGE);
	mlock(m, PAGE);
	say("locked: %s", name_of(arm(fd, m, PAGE, 1)));
	m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, object_fd, 0);
	say("private mapping of a memfd, MISSING: %s", name_of(arm(fd, m, PAGE, 1)));
	m = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, object_fd, PAGE);
	say("private mapping of a memfd, MINOR: %s", name_of(arm(fd, m, PAGE, 4)));
	say("UFFDIO_UNREGISTER below all mappings: %s", name_of(ioctl(fd, UFFDIO_UNREGISTER, &none) == -1 ? errno : 0));
	say("UFFDIO_WAKE below all mappings: %s", name_of(ioctl(fd, UFFDIO_WAKE, &none) == -1 ? errno : 0));
}

static void case_fdinfo(void)
{
	char path[64], text[512], *line;
	int fd = new_uffd(EVENT_FORK), info;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	info = open(path, O_RDONLY);
	n = read(info, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = 0;
	line = strstr(text, "API:");
	if (line)
		line[strcspn(line, "\n")] = 0;
	/* The kernel's mark that it is enabled is bit 31. */
	say("fdinfo: %.15s", line ? line + 5 : "nothing");
}

/* ---------------------------------------------------------------------------------- privilege */

static void case_namespace(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = EVENT_FORK };
	pid_t child = fork();
	int fd;

	if (child > 0) {
		waitpid(child, NULL, 0);
		return;
	}
	if (unshare(CLONE_NEWUSER) == -1) {
		say("user namespace: not allowed here");
		_exit(0);
	}
	say("userfaultfd in a user namespace: %s", name_of(syscall(SYS_userfaultfd, 0) == -1 ? errno : 0));
	fd = syscall(SYS_userfaultfd, O_NONBLOCK | 1);
	say("with UFFD_USER_MODE_ONLY: %s", name_of(fd == -1 ? errno : 0));
	say("EVENT_FORK: %s", name_of(ioctl(fd, UFFDIO_API, &api) == -1 ? errno : 0));
	api = (struct uffdio_api){ .api = UFFD_API };
	say("again without it: %s", name_of(ioctl(fd, UFFDIO_API, &api) == -1 ? errno : 0));
	_exit(0);
}

static void case_cgroup(void)
{
	struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup; } a = {
		.flags = 0x200000000ULL, .exit_signal = SIGCHLD, .cgroup = 900,
	};
	int pair[2], fd;
	struct uffd_msg m;
	struct uffdio_zeropage z;
	pid_t victim;
	int *error = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char *armed = memory(PAGE);

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == -1)
		_exit(8);
	victim = fork();
	if (victim == 0) {
		int own = new_uffd(EVENT_FORK);

		arm(own, armed, PAGE, UFFDIO_REGISTER_MODE_MISSING);
		send_descriptor(pair[1], own);
		if (syscall(SYS_clone3, &a, sizeof(a)) == -1)
			*error = errno;
		_exit(0);
	}
	fd = receive_descriptor(pair[0]);
	say("message: %d", waits(fd, 2000));
	say("read: %s", name_of(take(fd, &m)));
	tell_end("the caller", victim);
	say("clone3 CLONE_INTO_CGROUP with a bad descriptor: %s", name_of(*error));
	z = (struct uffdio_zeropage){ .range = { (unsigned long)armed, PAGE } };
	say("fill for the child that is not: %s", name_of(ioctl(m.arg.fork.ufd, UFFDIO_ZEROPAGE, &z) == -1 ? errno : 0));
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } cases[] = {
		{ "signals", case_signals }, { "rescue", case_rescue }, { "events", case_events }, { "edge", case_edge },
		{ "async", case_async }, { "memory", case_memory }, { "fdinfo", case_fdinfo }, { "namespace", case_namespace },
		{ "cgroup", case_cgroup },
	};

	alarm(SECONDS);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (argc == 3 && strcmp(argv[1], "family") == 0) {
		if (strcmp(argv[2], "daemon") == 0)
			family_daemon();
		else
			family(argv[2]);
		return 0;
	}
	for (size_t i = 0; argc == 2 && i < sizeof(cases) / sizeof(cases[0]); i++)
		if (strcmp(argv[1], cases[i].name) == 0) {
			cases[i].run();
			return 0;
		}
	return 2;
}
