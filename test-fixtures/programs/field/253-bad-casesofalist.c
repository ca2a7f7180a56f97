// style: the cases of a switch come out of a list of events; one of them is not requested
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define EVENTS(X) X(PAGEFAULT, on_fault) X(FORK, on_fork) X(REMOVE, on_remove)

static int uffd;
static long page;
static unsigned long gone;

static void on_fault(const struct uffd_msg *m)
{
	struct uffdio_zeropage z = { .range = { m->arg.pagefault.address & ~(page - 1), page } };

	if (ioctl(uffd, UFFDIO_ZEROPAGE, &z))
		ioctl(uffd, UFFDIO_WAKE, &z.range);
}

static void on_fork(const struct uffd_msg *m)
{
	close(m->arg.fork.ufd);
}

static void on_remove(const struct uffd_msg *m)
{
	gone += m->arg.remove.end - m->arg.remove.start;
}

static void *serve(void *arg)
{
	struct uffd_msg m;

	(void)arg;
	while (read(uffd, &m, sizeof(m)) == sizeof(m)) {
		switch (m.event) {
#define CASE(event, handler) case UFFD_EVENT_##event: handler(&m); break;
		EVENTS(CASE) // expect: missing-feature
		}
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t reader;
	char *area;
	pid_t pid;

	page = sysconf(_SC_PAGESIZE);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	area = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		return 1;
	reg.range.start = (unsigned long)area;
	reg.range.len = 4 * page;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) || pthread_create(&reader, NULL, serve, NULL))
		return 1;
	area[0] = 1;
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	printf("%lu bytes gone\n", gone);
	return 0;
}
