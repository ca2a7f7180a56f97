// style: a handler whose descriptor comes from elsewhere loses a child where memory is short
#include <stdlib.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

struct child { int fd; struct child *next; };
static struct child *children;

int handle_event(int fd)
{
	struct uffd_msg msg;
	struct child *c;

	if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
		return -1;
	switch (msg.event) {
	case UFFD_EVENT_FORK:
		c = malloc(sizeof(*c));
		if (!c)
			return -1; // expect: leaked-child-uffd
		c->fd = msg.arg.fork.ufd;
		c->next = children;
		children = c;
		return 0;
	default:
		return 0;
	}
}

int main(int argc, char **argv)
{
	int fd = argc > 1 ? atoi(argv[1]) : -1;

	while (handle_event(fd) == 0)
		;
	return 1;
}
