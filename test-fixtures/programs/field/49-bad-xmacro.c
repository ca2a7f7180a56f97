#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#define EVENTS(X) \
	X(REMAP, on_remap) \
	X(UNMAP, on_fork)
static void on_remap(struct uffd_msg *m) { warnx("%llx", m->arg.remap.to); }
static void on_fork(struct uffd_msg *m) { close(m->arg.fork.ufd); }
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg m;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		err(1, "uffd");
	for (;;) {
		if (read(fd, &m, sizeof(m)) != sizeof(m))
			continue;
#define CASE(e, f) case UFFD_EVENT_##e: f(&m); break;
		switch (m.event) { // expect: unhandled-fork-event
		EVENTS(CASE) // expect: missing-feature
		}
	}
}
