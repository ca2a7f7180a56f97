// style: system calls in inline assembly; the child is closed by one
// observe: uffd-left 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define barrier() __asm__ __volatile__("" : : : "memory")

static inline long sys1(long number, long a)
{
	long ret;

#if defined(__x86_64__)
	__asm__ __volatile__("syscall" : "=a"(ret) : "0"(number), "D"(a) : "rcx", "r11", "memory");
#elif defined(__aarch64__)
	register long x8 __asm__("x8") = number;
	register long x0 __asm__("x0") = a;

	__asm__ __volatile__("svc #0" : "+r"(x0) : "r"(x8) : "memory");
	ret = x0;
#else
	ret = syscall(number, a);
#endif
	return ret;
}

static inline uint64_t ticks(void)
{
#ifdef __x86_64__
	uint32_t lo, hi;

	asm volatile("rdtsc" : "=a"(lo), "=d"(hi));
	return (uint64_t)hi << 32 | lo;
#else
	return 0;
#endif
}

static struct {
	volatile unsigned forks;
	uint64_t last;
	long owner;
} stats;

static void *meter(void *arg)
{
	int fd = (int)(long)arg;
	struct uffd_msg msg;

	stats.owner = sys1(SYS_getpgid, 0);
	for (;;) {
		if (read(fd, &msg, sizeof(msg)) != (ssize_t)sizeof(msg))
			return NULL;
		stats.last = ticks();
		if (msg.event != UFFD_EVENT_FORK)
			continue;
		barrier();
		stats.forks++;
		sys1(SYS_close, msg.arg.fork.ufd);
		asm("nop");
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	long page = sysconf(_SC_PAGESIZE), fd;
	pthread_t thread;
	void *map;
	int i;

	fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api)) {
		perror("userfaultfd");
		return 1;
	}
	map = mmap(NULL, page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)map;
	reg.range.len = page;
	if (map == MAP_FAILED || ioctl(fd, UFFDIO_REGISTER, &reg))
		return 1;
	if (pthread_create(&thread, NULL, meter, (void *)fd))
		return 1;
	for (i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	barrier();
	while (stats.forks != 2)
		barrier();
	usleep(20000);
	return 0;
}
