// style: a list of a function, built of what malloc() gave or not at all, and closed at the end
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <unistd.h>
struct uctx { struct uctx *next; int fd; };
void serve(int fd)
{
	struct uctx *all = NULL, *u, *c;
	struct uffd_msg m;

	while (read(fd, &m, sizeof(m)) == sizeof(m))
		if (m.event == UFFD_EVENT_FORK) {
			c = malloc(sizeof(*c));
			if (!c)
				exit(1);
			c->fd = m.arg.fork.ufd;
			c->next = all;
			all = c;
		}
	while ((u = all) != NULL) {
		all = u->next;
		close(u->fd);
		free(u);
	}
}
