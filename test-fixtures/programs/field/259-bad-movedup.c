// style: as many bytes as there are; one message is taken from the front at a time and the rest moves up; children are only counted
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static char buffer[8 * sizeof(struct uffd_msg)];
static size_t have, children;

static int next(struct uffd_msg *m)
{
	if (have < sizeof(*m))
		return 0;
	memcpy(m, buffer, sizeof(*m));
	have -= sizeof(*m);
	memmove(buffer, buffer + sizeof(*m), have);
	return 1;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	struct uffd_msg m;
	ssize_t got;

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
		have = got;
		while (next(&m))
			if (m.event == UFFD_EVENT_FORK) // expect: leaked-child-uffd
				children++;
	}
	return 0;
}
