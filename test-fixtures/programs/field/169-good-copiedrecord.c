// style: the record of a child begins as a copy of its parent
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
struct rec { int fd; struct rec *next; };
static struct rec *head;
int main(void)
{
	struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct rec *r = calloc(1, sizeof *r);
	struct uffd_msg m;
	if (!r)
		return 1;
	r->fd = syscall(SYS_userfaultfd, O_CLOEXEC|O_NONBLOCK);
	if (r->fd < 0 || ioctl(r->fd, UFFDIO_API, &a))
		return 1;
	head = r;
	for (;;)
		for (r = head; r; r = r->next) {
			if (read(r->fd, &m, sizeof m) != sizeof m)
				continue;
			if (m.event == UFFD_EVENT_FORK) {
				struct rec *c = malloc(sizeof *c);
				if (!c)
					return 1;
				*c = *r;
				c->fd = m.arg.fork.ufd;
				c->next = head;
				head = c;
			}
		}
}
