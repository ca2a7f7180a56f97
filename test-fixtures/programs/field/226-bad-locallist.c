// style: a list of a function, freed at the end and not closed
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <unistd.h>
struct uctx { struct uctx *next; int fd; };
void serve(int fd)
{
	struct uctx *all = NULL, *u, *c;
	struct uffd_msg m;

	while (read(fd, &m, sizeof(m)) == sizeof(m))
		if (m.event == UFFD_EVENT_FORK) { // expect: leaked-child-uffd
			c = malloc(sizeof(*c));
			if (!c)
				exit(1);
			c->fd = m.arg.fork.ufd;
			c->next = all;
			all = c;
		}
	while ((u = all) != NULL) {
		all = u->next;
		free(u);
	}
}
