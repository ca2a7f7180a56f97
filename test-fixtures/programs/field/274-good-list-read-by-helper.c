// style: a variable outside of the loop takes each child on its way to a list, whose elements a helper reads
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct node { struct node *next; int fd; } *list;
static int get(int fd, struct uffd_msg *m) { return read(fd, m, sizeof(*m)) == sizeof(*m) ? 0 : -1; }
static int add(int fd)
{
	struct node *w = calloc(1, sizeof *w);
	if (!w)
		return -1;
	w->fd = fd;
	w->next = list;
	list = w;
	return 0;
}
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int kid, fd = syscall(SYS_userfaultfd, O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0 || add(fd) < 0)
		return 1;
	for (;;)
		for (struct node *cur = list; cur; cur = cur->next) {
			struct uffd_msg m;
			if (get(cur->fd, &m) < 0 || m.event != UFFD_EVENT_FORK)
				continue;
			kid = m.arg.fork.ufd;
			if (add(kid) < 0)
				close(kid);
		}
}
