// style: operations register themselves before main() runs
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct ops {
	const char *name;
	int (*forked)(int childfd);
	const struct ops *next;
};

static const struct ops *registry;
static int uffd;
static unsigned long ignored;

static void ops_register(const struct ops *o)
{

	registry = o;
}

static int zero_forked(int childfd)
{
	ignored++;
	return close(childfd);
}

static const struct ops zero_ops = { .name = "zero", .forked = zero_forked };

static void __attribute__((constructor)) plug_init(void)
{
	ops_register(&zero_ops);
}

static const struct ops *cur;

static void *reader(void *arg)
{
	struct uffd_msg m;

	(void)arg;
	while (read(uffd, &m, sizeof(m)) == sizeof(m))
		if (m.event == UFFD_EVENT_FORK)
			cur->forked(m.arg.fork.ufd);
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *mem;
	pthread_t t;

	cur = registry;
	if (!cur)
		return 1;
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0)
		return 1;
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4096;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
		return 1;
	if (pthread_create(&t, NULL, reader, NULL))
		return 1;
	if (fork() == 0)
		_exit(0);
	wait(NULL);
	return 0;
}
