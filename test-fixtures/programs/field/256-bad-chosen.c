// style: what a message says is chosen with ?: and handed on in a record; nobody looks at the child in it
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct notice {
	int kind;
	int kid;
};

static struct notice notice(int kind, int kid)
{
	struct notice n = { kind, kid };

	return n;
}

static void consume(struct notice n)
{
	if (n.kind == 1)
		puts("fault");
	else if (n.kind == 2)
		puts("fork");
}

static void handle(int fd)
{
	struct uffd_msg m;

	if (read(fd, &m, sizeof(m)) == sizeof(m))
		consume(notice(m.event == UFFD_EVENT_FORK ? 2 : 1, // expect: leaked-child-uffd
			       m.event == UFFD_EVENT_FORK ? (int)m.arg.fork.ufd : -1));
}

static void report(int fd)
{
	struct uffd_msg m;

	if (read(fd, &m, sizeof(m)) == sizeof(m)) {
		int kid = m.event == UFFD_EVENT_FORK ? (int)m.arg.fork.ufd : -1; // expect: leaked-child-uffd

		printf("%d\n", kid);
	}
}

int main(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	(void)argv;
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	for (;;) {
		if (argc > 1)
			report(fd);
		else
			handle(fd);
	}
	return 0;
}
