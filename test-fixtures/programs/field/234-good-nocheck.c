// style: a list of a function, built of what malloc() gave without a look at it
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <unistd.h>
struct uctx { struct uctx *next; int fd; };
static void uctx_add(struct uctx **all, int fd)
{
	struct uctx *u = malloc(sizeof(*u));

	u->fd = fd;
	u->next = *all;
	*all = u;
}
static int handle_one(struct uctx **all, struct uctx *u)
{
	struct uffd_msg m;

	if (read(u->fd, &m, sizeof(m)) != sizeof(m))
		return -1;
	if (m.event == UFFD_EVENT_FORK)
		uctx_add(all, m.arg.fork.ufd);
	return 0;
}
void serve(int fd)
{
	struct uctx *all = NULL, *u, *next;

	uctx_add(&all, fd);
	while (getppid() != 1)
		for (u = all; u; u = u->next)
			handle_one(&all, u);
	for (u = all; u; u = next) {
		next = u->next;
		close(u->fd);
		free(u);
	}
}
