#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static void run_hook(void)
{
	if (fork() == 0) // expect: fork-deadlocks-monitor
		_exit(0);
}

static void (*hook)(void) = run_hook;

static void *loop(void *p)
{
	int fd = *(int *)p;
	struct uffd_msg m;

	for (;;) {
		if (read(fd, &m, sizeof(m)) != sizeof(m))
			continue;
		if (m.event == UFFD_EVENT_FORK) {
			close(m.arg.fork.ufd);
		} else if (hook) {


			hook();
		}
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	char *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		err(1, "uffd");
	reg.range.start = (unsigned long)mem;
	reg.range.len = 4096;
	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		err(1, "register");
	pthread_create(&t, NULL, loop, &fd);
	mem[0] = 1;
	return 0;
}
