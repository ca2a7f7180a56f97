/*
 * The laboratory's driver: performs scripts of system calls in several processes and threads, and reports after each
 * step which task ended its call with what, which task sleeps in which wait of the kernel, and which task is gone.
 *
 * A script is one line of numbers on standard input, the report one line on standard output (protocol.ts). Each script
 * gets a process group of its own, made for it and killed after it, in a PID namespace where that is allowed: when the
 * driver dies, so does every process of every script.
 *
 * No step waits for a time. The kernel says of each task where it sleeps (/proc/PID/task/TID/wchan, empty as soon as
 * the task was woken), and a step is over when two looks in a row find every task idle or in the same sleep, without
 * having run in between. Only the watchdog counts seconds.
 *
 * The traps: a task must touch no libc state, since all threads share one thread-local block, and its memory must not
 * lie in the arena. So workers use bare system calls, static buffers and a mailbox in shared memory.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/futex.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef __x86_64__
#error "the driver knows the system call instruction of x86-64 alone"
#endif

#define PAGE 4096L
#define ARENA 0x100000000000L
#define SLOTS 32
#define STACK 65536
#define MAX_CALLS 4
#define MAX_ARGUMENTS 8
#define MAX_STEPS 64
#define MAX_MESSAGES 8
#define MAX_OUT 64
#define BAD_POINTER ((void *)8)
/* What an out member holds before the call; the kernel never writes it. */
#define SENTINEL 0x5555555555555555L
#define SECOND_BYTE 0x123
/* No script fills more pages at once. */
#define SOURCE_PAGES 16
/* Where the program's own file is open in every script: behind all numbers that a script can get. */
#define ORDINARY_FILE 200
/* Shared memory that can never be written. */
#define SEALED_MEMORY 201
#define FIRST_THREADS 3
/* Seconds after which a script is given up. */
#define WATCHDOG 8

/* The header can be older than the kernel. */
#define MOVE_REQUEST 0xc028aa05UL
#define WRITEPROTECT_REQUEST 0xc018aa06UL
#define CONTINUE_REQUEST 0xc020aa07UL
#define POISON_REQUEST 0xc020aa08UL

enum call {
	CALL_USERFAULTFD = 1, CALL_DEVICE, CALL_API, CALL_REGISTER, CALL_UNREGISTER, CALL_WAKE, CALL_COPY, CALL_ZEROPAGE,
	CALL_CONTINUE, CALL_POISON, CALL_MOVE, CALL_WRITEPROTECT, CALL_UNKNOWN_IOCTL, CALL_READ, CALL_WRITE, CALL_POLL,
	CALL_SELECT, CALL_EPOLL, CALL_CLOSE, CALL_DUP, CALL_GETFL, CALL_SETFL, CALL_GETFD, CALL_SETFD, CALL_MMAP, CALL_MUNMAP,
	CALL_MREMAP, CALL_MADVISE, CALL_ACCESS, CALL_CLONE, CALL_EXIT, CALL_EXEC, CALL_NOFILE,
	CALL_BAD_ARGUMENT, CALL_LSEEK, CALL_PREAD, CALL_MAP_DESCRIPTOR, CALL_DROP_PRIVILEGE, CALL_FAILING_CLONE, CALL_KILL,
	CALL_SIGNAL,
};

struct call_record {
	long kind;
	long argument[MAX_ARGUMENTS];
	long result;
	long outs;
	long out[MAX_OUT];
};

struct slot {
	/* Numbers of the last command given and of the last one done; the first is the birth of the task. */
	uint32_t command, done;
	/* Identifiers, written by the task itself. */
	int pid, tid;
	long calls, calls_done;
	struct call_record call[MAX_CALLS];
	/* The controller's view: who makes it, whether it lives, the last command whose end was told. */
	int alive, born_by;
	uint32_t told;
};

struct mailbox {
	uint32_t bell;
	struct slot slot[SLOTS];
};

static struct mailbox *box;
static char stacks[SLOTS][STACK] __attribute__((aligned(4096)));
static char sources[SLOTS][SOURCE_PAGES * PAGE] __attribute__((aligned(4096)));
static struct uffd_msg messages[SLOTS][MAX_MESSAGES];
static char program_path[4096];

/* ---------------------------------------------------------------------------------- bare system calls */

static inline long sys6(long n, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(n), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

#define SYS(n, a, b, c) sys6(n, (long)(a), (long)(b), (long)(c), 0, 0, 0)

static void ring(void)
{
	__atomic_add_fetch(&box->bell, 1, __ATOMIC_SEQ_CST);
	sys6(SYS_futex, (long)&box->bell, FUTEX_WAKE, 1, 0, 0, 0);
}

/* A task's memory access: these end with minus the signal where the page does not let them through. */
long touch_read(volatile char *at);
long touch_write(volatile char *at, long value);
extern char touch_failed[];
__asm__(".text\n"
	".globl touch_read\ntouch_read:\n\tmovzbl (%rdi), %eax\n\tret\n"
	".globl touch_write\ntouch_write:\n\tmovb %sil, (%rdi)\n\txorl %eax, %eax\n\tret\n"
	".globl touch_failed\ntouch_failed:\n\tret\n");

static void on_fault(int signal, siginfo_t *info, void *context)
{
	ucontext_t *u = context;

	(void)info;
	u->uc_mcontext.gregs[REG_RIP] = (long)touch_failed;
	u->uc_mcontext.gregs[REG_RAX] = -signal;
}

static void on_signal(int signal)
{
	(void)signal;
}

/* clone(2) onto a stack of its own; the child never returns from here. */
static long clone_onto(unsigned long flags, char *stack_top, void (*run)(long), long argument)
{
	long *top = (long *)stack_top;
	long result;

	*--top = (long)run;
	*--top = argument;
	register long r10 __asm__("r10") = 0;
	register long r8 __asm__("r8") = 0;
	__asm__ volatile("syscall\n\t"
			 "testq %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "xorl %%ebp, %%ebp\n\t"
			 "popq %%rdi\n\t"
			 "popq %%rax\n\t"
			 "callq *%%rax\n\t"
			 "hlt\n"
			 "1:"
			 : "=a"(result)
			 : "a"(SYS_clone), "D"(flags), "S"(top), "d"(0), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
}

/* ---------------------------------------------------------------------------------- the calls of a task */

static void put(struct call_record *c, long value)
{
	if (c->outs < MAX_OUT)
		c->out[c->outs++] = value;
}

/* Addresses are told relative to the arena. */
static long in_arena(unsigned long address)
{
	return (long)(address - ARENA);
}

static int slot_of_thread(int tid)
{
	for (int i = 0; i < SLOTS; i++)
		if (box->slot[i].tid == tid && tid != 0)
			return i;
	return -1;
}

static void put_message(struct call_record *c, struct uffd_msg *m)
{
	put(c, m->event);
	switch (m->event) {
	case UFFD_EVENT_PAGEFAULT:
		put(c, m->arg.pagefault.flags);
		put(c, in_arena(m->arg.pagefault.address));
		put(c, m->arg.pagefault.feat.ptid ? slot_of_thread(m->arg.pagefault.feat.ptid) : -2);
		break;
	case UFFD_EVENT_FORK:
		put(c, m->arg.fork.ufd);
		put(c, SYS(SYS_fcntl, m->arg.fork.ufd, F_GETFL, 0));
		put(c, SYS(SYS_fcntl, m->arg.fork.ufd, F_GETFD, 0));
		break;
	case UFFD_EVENT_REMAP:
		put(c, in_arena(m->arg.remap.from));
		put(c, in_arena(m->arg.remap.to));
		put(c, m->arg.remap.len);
		break;
	default:
		put(c, in_arena(m->arg.remove.start));
		put(c, in_arena(m->arg.remove.end));
	}
}

static void do_read(long me, struct call_record *c)
{
	long fd = c->argument[0], bytes = c->argument[1];
	struct uffd_msg *m = messages[me];
	struct iovec whole = { m, bytes };
	struct iovec halves[2] = { { m, 16 }, { (char *)m + 16, bytes > 16 ? bytes - 16 : 0 } };

	for (int i = 0; i < MAX_MESSAGES; i++)
		m[i].event = 0;
	switch (c->argument[2]) {
	case 0: c->result = SYS(SYS_read, fd, m, bytes); break;
	case 1: c->result = SYS(SYS_read, fd, BAD_POINTER, bytes); break;
	case 2: c->result = SYS(SYS_readv, fd, halves, 2); break;
	default: c->result = sys6(SYS_preadv2, fd, (long)&whole, 1, -1, -1, RWF_NOWAIT); break;
	}
	for (int i = 0; i < c->result / 32; i++)
		put_message(c, &m[i]);
}

static void do_select(struct call_record *c)
{
	long fd = c->argument[0];
	unsigned long readable[16] = { 0 }, writable[16] = { 0 };
	struct timespec none = { 0, 0 };

	readable[fd / 64] = writable[fd / 64] = 1UL << (fd % 64);
	c->result = sys6(SYS_pselect6, fd + 1, (long)readable, (long)writable, 0, (long)&none, 0);
	put(c, c->result >= 0 && readable[fd / 64] != 0);
	put(c, c->result >= 0 && writable[fd / 64] != 0);
}

/* The epoll descriptor takes the lowest free number for a moment; nothing else of this process runs meanwhile. */
static void do_epoll(struct call_record *c)
{
	struct epoll_event interest = { .events = EPOLLIN }, got = { 0 };
	long epoll = SYS(SYS_epoll_create1, 0, 0, 0);

	if (epoll < 0) {
		c->result = epoll;
		return;
	}
	c->result = sys6(SYS_epoll_ctl, epoll, EPOLL_CTL_ADD, c->argument[0], (long)&interest, 0, 0);
	if (c->result == 0)
		c->result = sys6(SYS_epoll_pwait, epoll, (long)&got, 1, 0, 0, 0);
	put(c, got.events);
	SYS(SYS_close, epoll, 0, 0);
}

static void do_fill(long me, struct call_record *c)
{
	long fd = c->argument[0], start = ARENA + c->argument[1], length = c->argument[2], mode = c->argument[3];
	/* The members up to the out member lie alike in all of them, but for COPY's and MOVE's second address. */
	struct { unsigned long start, length, mode; long out; } plain = { start, length, mode, SENTINEL };
	struct { unsigned long to, from, length, mode; long out; } two = { start, 0, length, mode, SENTINEL };
	volatile char *source = sources[me];

	switch (c->kind) {
	case CALL_COPY:
		for (long i = 0; i < SOURCE_PAGES; i++)
			source[i * PAGE] = source[i * PAGE + SECOND_BYTE] = c->argument[4];
		two.from = c->argument[5] ? (unsigned long)BAD_POINTER : (unsigned long)source;
		c->result = SYS(SYS_ioctl, fd, UFFDIO_COPY, &two);
		put(c, two.out);
		return;
	case CALL_MOVE:
		two.from = ARENA + c->argument[4];
		c->result = SYS(SYS_ioctl, fd, MOVE_REQUEST, &two);
		put(c, two.out);
		return;
	case CALL_WRITEPROTECT:
		c->result = SYS(SYS_ioctl, fd, WRITEPROTECT_REQUEST, &plain);
		return;
	case CALL_ZEROPAGE: c->result = SYS(SYS_ioctl, fd, UFFDIO_ZEROPAGE, &plain); break;
	case CALL_CONTINUE: c->result = SYS(SYS_ioctl, fd, CONTINUE_REQUEST, &plain); break;
	default: c->result = SYS(SYS_ioctl, fd, POISON_REQUEST, &plain); break;
	}
	put(c, plain.out);
}

static void do_mmap(struct call_record *c)
{
	long kind = c->argument[2], fd = -1, flags = MAP_FIXED, result;

	if (kind == 2) {
		fd = ORDINARY_FILE;
		flags |= MAP_PRIVATE;
	} else if (kind == 3) {
		fd = SEALED_MEMORY;
		flags |= MAP_SHARED;
	} else {
		flags |= MAP_ANONYMOUS | (kind == 1 ? MAP_SHARED : MAP_PRIVATE);
	}
	result = sys6(SYS_mmap, ARENA + c->argument[0], c->argument[1], c->argument[3], flags, fd, 0);
	c->result = result < 0 && result > -4096 ? result : 0;
}

static void do_access(struct call_record *c)
{
	volatile char *at = (char *)ARENA + c->argument[0];
	/* A page has one value in the model. Scripts access these two bytes, so what is written to one goes to the other. */
	volatile char *twin = (char *)((long)at & ~(PAGE - 1)) + ((long)at % PAGE ? 0 : SECOND_BYTE);

	switch (c->argument[1]) {
	case 0: c->result = touch_read(at); break;
	case 1: c->result = touch_write(at, c->argument[2]); break;
	/* Two system calls that read and write a few bytes of user memory, and nothing else. */
	case 2: c->result = SYS(SYS_prctl, PR_SET_NAME, at, 0); break;
	default: c->result = SYS(SYS_clock_getres, CLOCK_REALTIME, at, 0); break;
	}
	if (c->argument[1] % 2 && c->result == 0)
		touch_write(twin, c->argument[2]);
}

static void worker(long me);

static void do_clone(struct call_record *c)
{
	unsigned long flags = c->argument[0];
	long child = c->argument[1];

	if (!(flags & CLONE_THREAD))
		flags |= SIGCHLD;
	c->result = clone_onto(flags, stacks[child] + STACK, worker, child);
	if (c->result > 0)
		c->result = child;
}

static const unsigned long requests[] = {
	UFFDIO_API, UFFDIO_REGISTER, UFFDIO_UNREGISTER, UFFDIO_WAKE, UFFDIO_COPY, UFFDIO_ZEROPAGE, CONTINUE_REQUEST,
	POISON_REQUEST, MOVE_REQUEST, WRITEPROTECT_REQUEST,
};

/* Of the calling thread alone. */
static long drop_ptrace_capability(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];
	long result = SYS(SYS_capget, &header, data, 0);

	if (result < 0)
		return result;
	data[0].effective &= ~(1u << CAP_SYS_PTRACE);
	data[0].permitted &= ~(1u << CAP_SYS_PTRACE);
	return SYS(SYS_capset, &header, data, 0);
}

/* Late: the child is to get the number of a process that exists, which is looked at after the memory was copied. */
static long failing_clone(long late)
{
	int taken = 1;
	struct { uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup; } a = {
		.flags = late ? 0 : CLONE_SIGHAND,
		.exit_signal = SIGCHLD,
		.set_tid = late ? (uint64_t)&taken : 0,
		.set_tid_size = late ? 1 : 0,
	};

	return SYS(SYS_clone3, &a, sizeof(a), 0);
}

static void perform(long me, struct call_record *c)
{
	long *a = c->argument;
	long to;

	c->outs = 0;
	switch (c->kind) {
	case CALL_USERFAULTFD:
		c->result = SYS(SYS_userfaultfd, a[0], 0, 0);
		break;
	case CALL_DEVICE:
		to = sys6(SYS_openat, AT_FDCWD, (long)"/dev/userfaultfd", O_RDWR | O_CLOEXEC, 0, 0, 0);
		c->result = to < 0 ? to : SYS(SYS_ioctl, to, 0xaa00, a[0]);
		if (to >= 0)
			SYS(SYS_close, to, 0, 0);
		break;
	case CALL_API: {
		struct uffdio_api api = { .api = a[1], .features = a[2], .ioctls = SENTINEL };
		c->result = SYS(SYS_ioctl, a[0], UFFDIO_API, &api);
		put(c, api.api);
		put(c, api.features);
		put(c, api.ioctls);
		break;
	}
	case CALL_REGISTER: {
		struct uffdio_register r = { .range = { ARENA + a[1], a[2] }, .mode = a[3], .ioctls = SENTINEL };
		c->result = SYS(SYS_ioctl, a[0], UFFDIO_REGISTER, &r);
		put(c, r.ioctls);
		break;
	}
	case CALL_UNREGISTER:
	case CALL_WAKE: {
		struct uffdio_range r = { ARENA + a[1], a[2] };
		c->result = SYS(SYS_ioctl, a[0], c->kind == CALL_WAKE ? UFFDIO_WAKE : UFFDIO_UNREGISTER, &r);
		break;
	}
	case CALL_COPY:
	case CALL_ZEROPAGE:
	case CALL_CONTINUE:
	case CALL_POISON:
	case CALL_MOVE:
	case CALL_WRITEPROTECT:
		do_fill(me, c);
		break;
	case CALL_UNKNOWN_IOCTL:
		c->result = SYS(SYS_ioctl, a[0], 0xc018aa77UL, messages[me]);
		break;
	case CALL_READ:
		do_read(me, c);
		break;
	case CALL_WRITE:
		c->result = SYS(SYS_write, a[0], messages[me], 32);
		break;
	case CALL_POLL: {
		struct pollfd p = { a[0], POLLIN, 0 };
		c->result = SYS(SYS_poll, &p, 1, 0);
		put(c, p.revents);
		break;
	}
	case CALL_SELECT:
		do_select(c);
		break;
	case CALL_EPOLL:
		do_epoll(c);
		break;
	case CALL_CLOSE:
		c->result = SYS(SYS_close, a[0], 0, 0);
		break;
	case CALL_DUP:
		c->result = SYS(SYS_dup, a[0], 0, 0);
		break;
	case CALL_GETFL:
		c->result = SYS(SYS_fcntl, a[0], F_GETFL, 0);
		break;
	case CALL_SETFL:
		c->result = SYS(SYS_fcntl, a[0], F_SETFL, a[1]);
		break;
	case CALL_GETFD:
		c->result = SYS(SYS_fcntl, a[0], F_GETFD, 0);
		break;
	case CALL_SETFD:
		c->result = SYS(SYS_fcntl, a[0], F_SETFD, a[1]);
		break;
	case CALL_MMAP:
		do_mmap(c);
		break;
	case CALL_MUNMAP:
		c->result = SYS(SYS_munmap, ARENA + a[0], a[1], 0);
		break;
	case CALL_MREMAP:
		to = sys6(SYS_mremap, ARENA + a[0], a[1], a[2], a[3], ARENA + a[4], 0);
		c->result = to < 0 && to > -4096 ? to : in_arena(to);
		break;
	case CALL_MADVISE:
		c->result = SYS(SYS_madvise, ARENA + a[0], a[1], a[2]);
		break;
	case CALL_ACCESS:
		do_access(c);
		break;
	case CALL_CLONE:
		do_clone(c);
		break;
	case CALL_EXIT:
		SYS(SYS_exit_group, 0, 0, 0);
		break;
	case CALL_EXEC: {
		char *arguments[] = { "exec-idle", NULL }, *environment[] = { NULL };
		c->result = SYS(SYS_execve, program_path, arguments, environment);
		break;
	}
	case CALL_NOFILE: {
		struct rlimit limit = { a[0], 1024 };
		c->result = sys6(SYS_prlimit64, 0, RLIMIT_NOFILE, (long)&limit, 0, 0, 0);
		break;
	}
	case CALL_BAD_ARGUMENT:
		c->result = SYS(SYS_ioctl, a[0], requests[a[1]], BAD_POINTER);
		break;
	case CALL_LSEEK:
		c->result = SYS(SYS_lseek, a[0], 0, SEEK_CUR);
		break;
	case CALL_PREAD:
		c->result = sys6(SYS_pread64, a[0], (long)messages[me], 32, 0, 0, 0);
		break;
	case CALL_MAP_DESCRIPTOR:
		to = sys6(SYS_mmap, 0, PAGE, PROT_READ, MAP_PRIVATE, a[0], 0);
		c->result = to < 0 && to > -4096 ? to : 0;
		break;
	case CALL_DROP_PRIVILEGE:
		c->result = drop_ptrace_capability();
		break;
	case CALL_FAILING_CLONE:
		c->result = failing_clone(a[0]);
		break;
	default:
		c->result = -ENOSYS;
	}
}

static void worker(long me)
{
	struct slot *s = &box->slot[me];

	s->pid = SYS(SYS_getpid, 0, 0, 0);
	s->tid = SYS(SYS_gettid, 0, 0, 0);
	__atomic_store_n(&s->done, 1, __ATOMIC_SEQ_CST);
	ring();
	for (;;) {
		uint32_t seen = __atomic_load_n(&s->command, __ATOMIC_SEQ_CST);

		if (seen == __atomic_load_n(&s->done, __ATOMIC_SEQ_CST)) {
			sys6(SYS_futex, (long)&s->command, FUTEX_WAIT, seen, 0, 0, 0);
			continue;
		}
		for (long i = 0; i < s->calls; i++) {
			perform(me, &s->call[i]);
			__atomic_store_n(&s->calls_done, i + 1, __ATOMIC_SEQ_CST);
		}
		__atomic_store_n(&s->done, seen, __ATOMIC_SEQ_CST);
		ring();
	}
}

/* The first process of a script: empty descriptor table, three threads. */
static void world(void)
{
	struct sigaction fault = { .sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER };
	struct sigaction plain = { .sa_handler = on_signal }, restarting = { .sa_handler = on_signal, .sa_flags = SA_RESTART };
	struct rlimit limit = { 64, 1024 };
	int null, own, sealed;

	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
	sigaction(SIGSEGV, &fault, NULL);
	sigaction(SIGBUS, &fault, NULL);
	sigaction(SIGUSR1, &plain, NULL);
	sigaction(SIGUSR2, &restarting, NULL);
	null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		if (null != fd)
			dup2(null, fd);
	/* The limit holds for new numbers only. */
	own = open(program_path, O_RDONLY);
	dup3(own, ORDINARY_FILE, O_CLOEXEC);
	sealed = memfd_create("sealed", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	if (ftruncate(sealed, 64 * PAGE) == 0)
		fcntl(sealed, F_ADD_SEALS, F_SEAL_WRITE);
	dup3(sealed, SEALED_MEMORY, O_CLOEXEC);
	setrlimit(RLIMIT_NOFILE, &limit);
	syscall(SYS_close_range, 3, ORDINARY_FILE - 1, 0);
	syscall(SYS_close_range, SEALED_MEMORY + 1, ~0U, 0);
	for (long i = 1; i < FIRST_THREADS; i++)
		clone_onto(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM, stacks[i] + STACK,
			   worker, i);
	worker(0);
}

/* ---------------------------------------------------------------------------------- the controller */

static char report[1 << 18];
static size_t reported;

#define SAY(...) (reported += (size_t)snprintf(report + reported, sizeof(report) - reported, __VA_ARGS__))

static size_t contents(const char *path, char *buffer, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return 0;
	n = read(fd, buffer, size - 1);
	close(fd);
	buffer[n > 0 ? n : 0] = 0;
	return n > 0 ? (size_t)n : 0;
}

static int exists(int pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d", pid);
	return access(path, F_OK) == 0;
}

/* In which of the waits that a script can see does the task sleep? 0: it runs, 'G': it is gone. */
static char sleep_of(const struct slot *s)
{
	char path[64], wait[128];
	int fd;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/wchan", s->pid, s->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return 'G';
	n = read(fd, wait, sizeof(wait) - 1);
	close(fd);
	if (n < 0)
		return 'G';
	wait[n] = 0;
	if (strcmp(wait, "handle_userfault") == 0)
		return 'F';
	if (strcmp(wait, "userfaultfd_event_wait_completion") == 0)
		return 'E';
	if (strncmp(wait, "userfaultfd_", 12) == 0 && strstr(wait, "read"))
		return 'R';
	if (strcmp(wait, "kernel_clone") == 0 || strcmp(wait, "wait_for_vfork_done") == 0)
		return 'V';
	return 0;
}

/* How often the task was switched to: a task that slept all along keeps its number. */
static unsigned long runs_of(const struct slot *s)
{
	char path[64], text[2048], *at;
	unsigned long sum = 0;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/status", s->pid, s->tid);
	contents(path, text, sizeof(text));
	for (at = text; (at = strstr(at, "ctxt_switches:")); at += 14)
		sum += strtoul(at + 14, NULL, 10);
	return sum;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void wait_for_bell(uint32_t heard)
{
	struct timespec moment = { 0, 200000 };

	syscall(SYS_futex, &box->bell, FUTEX_WAIT, heard, &moment, NULL, 0);
}

static int busy(const struct slot *s)
{
	return s->alive && s->done != s->command;
}

static void say_calls(int i)
{
	struct slot *s = &box->slot[i];

	SAY(" c%d", i);
	for (long k = 0; k < s->calls; k++) {
		SAY("%c%ld", k ? ';' : '=', s->call[k].result);
		for (long o = 0; o < s->call[k].outs; o++)
			SAY(",%ld", s->call[k].out[o]);
	}
}

/* A child whose parent's clone has returned, or sleeps until the child lets it go, is about to tell of its birth. */
static int is_coming(int child, const char sleeps[SLOTS])
{
	const struct slot *s = &box->slot[child], *parent;

	if (s->born_by < 0 || s->alive)
		return 0;
	parent = &box->slot[s->born_by];
	for (long k = 0; k < parent->calls; k++) {
		const struct call_record *c = &parent->call[k];

		if (c->kind != CALL_CLONE || c->argument[1] != child)
			continue;
		if (k < __atomic_load_n(&parent->calls_done, __ATOMIC_SEQ_CST))
			return c->result > 0;
		return k == parent->calls_done && sleeps[s->born_by] == 'V';
	}
	return 0;
}

/* The task is gone: children of calls that it had not finished will not come. */
static void expect_no_more_from(int parent)
{
	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &box->slot[i];
		const struct slot *p = &box->slot[parent];

		if (s->born_by != parent || s->alive)
			continue;
		for (long k = p->calls_done; k < p->calls; k++)
			if (p->call[k].kind == CALL_CLONE && p->call[k].argument[1] == i)
				s->born_by = -1;
	}
}

/* Looks at all tasks once. Says what ended; returns 0 while something still runs, else a number for what sleeps how. */
static unsigned long look(char sleeps[SLOTS])
{
	unsigned long signature = 1;

	for (int i = 0; i < SLOTS; i++) {
		struct slot *s = &box->slot[i];

		/* A child tells of its birth before or after its parent's call returned. */
		if (!s->alive && s->born_by >= 0 && __atomic_load_n(&s->done, __ATOMIC_SEQ_CST) == 1) {
			s->alive = 1;
			s->born_by = -1;
			s->told = 1;
			SAY(" n%d", i);
		}
		sleeps[i] = 0;
		if (!s->alive)
			continue;
		if (__atomic_load_n(&s->done, __ATOMIC_SEQ_CST) == s->command) {
			if (s->told == s->command)
				continue;
			s->told = s->command;
			say_calls(i);
			continue;
		}
		sleeps[i] = sleep_of(s);
		if (sleeps[i] == 0)
			return 0;
		if (sleeps[i] == 'G') {
			/* What it held is let go only when the whole process is. */
			if (exists(s->pid))
				return 0;
			s->alive = 0;
			SAY(" g%d", i);
			expect_no_more_from(i);
			continue;
		}
		signature = signature * 1000003 + (unsigned long)i * 31 + (unsigned long)sleeps[i] + runs_of(s) * 7919;
	}
	for (int i = 0; i < SLOTS; i++)
		if (is_coming(i, sleeps))
			return 0;
	return signature;
}

static int settle(double deadline)
{
	char sleeps[SLOTS];
	unsigned long before = 0;

	for (;;) {
		uint32_t heard = __atomic_load_n(&box->bell, __ATOMIC_SEQ_CST);
		unsigned long seen = look(sleeps);

		if (seen != 0 && (seen == before || seen == 1)) {
			for (int i = 0; i < SLOTS; i++)
				if (sleeps[i] && sleeps[i] != 'G')
					SAY(" b%d=%c", i, sleeps[i]);
			return 1;
		}
		before = seen;
		if (now() > deadline) {
			for (int i = 0; i < SLOTS; i++)
				if (busy(&box->slot[i])) {
					char path[64], wait[128] = "";

					snprintf(path, sizeof(path), "/proc/%d/task/%d/wchan", box->slot[i].pid, box->slot[i].tid);
					contents(path, wait, sizeof(wait));
					SAY(" ?%d=%s", i, wait);
				}
			return 0;
		}
		if (seen == 0)
			wait_for_bell(heard);
	}
}

/* All tasks of a process that ended, or that became another program. */
static int await_end(int pid, int exec, double deadline)
{
	char path[64], name[64];
	int done = 0;

	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	while (!done) {
		if (!exists(pid))
			done = 1;
		else if (exec && contents(path, name, sizeof(name)) && strncmp(name, "exec-idle", 9) == 0)
			done = 1;
		else if (now() > deadline)
			return 0;
		else
			usleep(50);
	}
	for (int i = 0; i < SLOTS; i++)
		if (box->slot[i].alive && box->slot[i].pid == pid) {
			box->slot[i].alive = 0;
			SAY(" g%d", i);
			expect_no_more_from(i);
		}
	return 1;
}

static long next_number(char **at)
{
	return (long)strtoull(*at, at, 10);
}

/* What the controller does to a task: its process ends, or it gets a signal that has a handler. */
static int intervene(const struct call_record *given, double deadline)
{
	const struct slot *s = &box->slot[given->argument[0]];

	if (!s->alive) {
		SAY(" s");
		return 1;
	}
	if (given->kind == CALL_KILL) {
		kill(s->pid, SIGKILL);
		return await_end(s->pid, 0, deadline) && settle(deadline);
	}
	syscall(SYS_tgkill, s->pid, s->tid, given->argument[1] ? SIGUSR2 : SIGUSR1);
	return settle(deadline);
}

/* Puts the calls into the task's mailbox. Returns CALL_EXIT or CALL_EXEC where the task does not come back, 0 else. */
static long give(int actor, const struct call_record *given, long calls)
{
	struct slot *s = &box->slot[actor];
	long ends = 0;

	for (long k = 0; k < calls; k++) {
		s->call[k].kind = given[k].kind;
		memcpy(s->call[k].argument, given[k].argument, sizeof(given[k].argument));
		s->call[k].result = SENTINEL;
		s->call[k].outs = 0;
		if (given[k].kind == CALL_CLONE) {
			struct slot *child = &box->slot[given[k].argument[1]];

			child->born_by = actor;
			child->command = 1;
			child->done = 0;
		}
		if (given[k].kind == CALL_EXIT || given[k].kind == CALL_EXEC)
			ends = given[k].kind;
	}
	s->calls = calls;
	s->calls_done = 0;
	__atomic_add_fetch(&s->command, 1, __ATOMIC_SEQ_CST);
	return ends;
}

/* One step: how many tasks, and of each its number, how many calls, and each with all its arguments. */
static int step(char **at, double deadline)
{
	long works = next_number(at), ends = 0;
	int given_to[SLOTS], n = 0;

	for (long i = 0; i < works; i++) {
		long actor = next_number(at), calls = next_number(at);
		struct call_record given[MAX_CALLS];

		for (long k = 0; k < calls && k < MAX_CALLS; k++) {
			given[k].kind = next_number(at);
			for (int a = 0; a < MAX_ARGUMENTS; a++)
				given[k].argument[a] = next_number(at);
		}
		if (actor < 0)
			return intervene(given, deadline);
		if (!box->slot[actor].alive || busy(&box->slot[actor]))
			continue;
		ends |= give(actor, given, calls);
		given_to[n++] = actor;
	}
	if (n == 0) {
		SAY(" s");
		return 1;
	}
	for (int i = 0; i < n; i++)
		syscall(SYS_futex, &box->slot[given_to[i]].command, FUTEX_WAKE, 1, NULL, NULL, 0);
	if (ends && !await_end(box->slot[given_to[0]].pid, ends == CALL_EXEC, deadline))
		return 0;
	return settle(deadline);
}

static void run_script(char *line)
{
	char *at = line;
	long id = next_number(&at), steps = next_number(&at);
	double deadline = now() + WATCHDOG;
	pid_t root;

	reported = 0;
	memset(box, 0, sizeof(*box));
	for (int i = 0; i < SLOTS; i++)
		box->slot[i].born_by = -1;
	for (int i = 0; i < FIRST_THREADS; i++)
		box->slot[i].command = 1;
	SAY("%ld ", id);
	root = fork();
	if (root == 0) {
		world();
		_exit(1);
	}
	for (int i = 0; i < FIRST_THREADS; i++) {
		while (root > 0 && __atomic_load_n(&box->slot[i].done, __ATOMIC_SEQ_CST) != 1 && now() < deadline)
			wait_for_bell(__atomic_load_n(&box->bell, __ATOMIC_SEQ_CST));
		box->slot[i].alive = 1;
		box->slot[i].told = 1;
	}
	for (long i = 0; i < steps && root > 0; i++) {
		if (i)
			SAY("|");
		if (!step(&at, deadline)) {
			SAY(" timeout");
			break;
		}
	}
	/* A group that was told to die may still make a child that was on its way: until nothing is left. */
	while (root > 0 && (kill(-root, SIGKILL) == 0 || errno != ESRCH))
		usleep(50);
}

#ifdef SCRIPT
/* One script of its own: each step on a line, beside what the model allows. */
static void serve(void)
{
	static char line[] = SCRIPT;
	char *part;

	run_script(line);
	strtok(report, " ");
	for (size_t step = 0; step < sizeof(words) / sizeof(words[0]); step++) {
		part = strtok(NULL, "|");
		printf("%s\n    kernel:%s\n    model:  %s\n", words[step][0], part ? part : " nothing", words[step][1]);
	}
}
#else
static void serve(void)
{
	static char line[1 << 16];

	while (fgets(line, sizeof(line), stdin)) {
		run_script(line);
		puts(report);
		fflush(stdout);
	}
}
#endif

static int control(void)
{
	signal(SIGCHLD, SIG_IGN);
	box = mmap(NULL, sizeof(*box), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (box == MAP_FAILED)
		return 1;
	serve();
	return fflush(stdout) == 0 ? 0 : 1;
}

/* The status that says: no namespaces here. */
#define NO_NAMESPACE 77

static int status_of(pid_t child)
{
	int status;

	while (waitpid(child, &status, 0) == -1)
		if (errno != EINTR)
			return 1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* The controller as the first process of a PID namespace of its own: with it everything that it made ends. */
static int control_namespace(void)
{
	pid_t controller;

	if (unshare(CLONE_NEWPID | CLONE_NEWNS) == -1)
		return NO_NAMESPACE;
	controller = fork();
	if (controller == -1)
		return NO_NAMESPACE;
	if (controller > 0)
		return status_of(controller);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == -1 || mount("proc", "/proc", "proc", 0, NULL) == -1)
		_exit(NO_NAMESPACE);
	_exit(control());
}

int main(int argc, char **argv)
{
	pid_t child;
	ssize_t n;
	int status;

	if (argc > 0 && strcmp(argv[0], "exec-idle") == 0) {
		prctl(PR_SET_NAME, "exec-idle");
		for (;;)
			pause();
	}
	n = readlink("/proc/self/exe", program_path, sizeof(program_path) - 1);
	if (n <= 0)
		return 1;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	child = fork();
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		_exit(control_namespace());
	}
	status = status_of(child);
	/* Where namespaces are not allowed the process group alone keeps a script together. */
	return status == NO_NAMESPACE ? control() : status;
}
