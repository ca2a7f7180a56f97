// style: a list of a function, whose elements are closed while it is walked, until it is empty
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <unistd.h>
struct uctx { LIST_ENTRY(uctx) link; int fd; };
LIST_HEAD(uctx_list, uctx);
static void uctx_add(struct uctx_list *all, int fd)
{
	struct uctx *u = malloc(sizeof(*u));

	if (!u)
		exit(1);
	u->fd = fd;
	LIST_INSERT_HEAD(all, u, link);
}
static void uctx_free(struct uctx *u)
{
	LIST_REMOVE(u, link);
	close(u->fd);
	free(u);
}
static int handle_one(struct uctx_list *all, struct uctx *u)
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
	struct uctx_list all = LIST_HEAD_INITIALIZER(all);
	struct uctx *u, *next;

	uctx_add(&all, fd);
	while (!LIST_EMPTY(&all)) {
		for (u = LIST_FIRST(&all); u; u = next) {
			next = LIST_NEXT(u, link);
			if (handle_one(&all, u))
				uctx_free(u);
		}
	}
}
