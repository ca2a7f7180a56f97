// style: IS_ENABLED() of an option that is off
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

/* as in Linux, U-Boot, Zephyr: 1 if the macro is defined to 1 */
#define PLACEHOLDER_1 0,
#define second(ignored, val, ...) val
#define is_enabled3(junk) second(junk 1, 0)
#define is_enabled2(val) is_enabled3(PLACEHOLDER_##val)
#define IS_ENABLED(option) is_enabled2(option)
#define CONFIG_FORK 0

static int fd;

static void *reader(void *arg)
{
	struct uffd_msg m;

	while (read(fd, &m, sizeof m) == sizeof m)
		if (m.event == UFFD_EVENT_FORK) // expect: missing-feature
			close(m.arg.fork.ufd);
	return arg;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .range.len = 4096, .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *m = mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t t;

	if (IS_ENABLED(CONFIG_FORK))
		api.features = UFFD_FEATURE_EVENT_FORK;
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	reg.range.start = (uintptr_t)m;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &reg))
		return 1;
	if (pthread_create(&t, NULL, reader, NULL))
		return 1;
	if (fork() == 0)
		_exit(m[0]);
	return 0;
}
