// style: children in a tree, put into a poll array by a function that calls itself twice
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct node { int fd; struct node *left, *right; };
static struct node *root;

static int collect(const struct node *n, struct pollfd *p, int at)
{
	if (!n)
		return at;
	at = collect(n->left, p, at);
	p[at++].fd = n->fd;
	return collect(n->right, p, at);
}

static void insert(int fd)
{
	struct node *n = calloc(1, sizeof(*n));

	if (!n)
		err(1, "calloc");
	n->fd = fd;
	n->left = root;
	root = n;
}

static void monitor(int uffd)
{
	struct uffd_msg msg;
	struct pollfd p[40];

	insert(uffd);
	for (;;) {
		int n = collect(root, p, 0);

		for (int i = 0; i < n; i++)
			if (read(p[i].fd, &msg, sizeof(msg)) == sizeof(msg) && msg.event == UFFD_EVENT_FORK)
				insert(msg.arg.fork.ufd);
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		err(1, "userfaultfd");
	monitor(uffd);
	return 0;
}
