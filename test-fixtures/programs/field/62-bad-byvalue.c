#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ev { int kind; int a; };

static struct ev classify(const struct uffd_msg *m)
{
	struct ev e = { 0, 0 };

	if (m->event == UFFD_EVENT_FORK) { // expect: leaked-child-uffd
		e.kind = 2;
		e.a = m->arg.fork.ufd;
	}
	return e;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg m;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	while (read(fd, &m, sizeof m) == sizeof m) {
		struct ev e = classify(&m);

		if (e.kind == 2)
			usleep(e.a);
	}
	return 0;
}
