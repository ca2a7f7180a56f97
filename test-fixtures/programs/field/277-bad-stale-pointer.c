// style: a record with the child does not come into the list
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
struct node { struct node *next; int fd; int dead; };
static struct node *list;
static int get(int fd, struct uffd_msg *m) { return read(fd, m, sizeof(*m)) == sizeof(*m) ? 0 : -1; }
static int add(struct node **h, int fd)
{
	struct node *w = calloc(1, sizeof *w);
	if (!w)
		return -1;
	w->fd = fd;
	w->next = *h;
	*h = w;
	return 0;
}
static int uffd;
static void *serve(void *arg)
{
	int fd = uffd;
	struct node *nw;
	struct uffd_msg m;
	if (add(&list, fd) < 0)
		return arg;
	while (list && getppid() != 1) {
		for (struct node *cur = list; cur; cur = cur->next) {
			if (get(cur->fd, &m) < 0) {
				continue;
			}
			if (m.event == UFFD_EVENT_FORK) { // expect: leaked-child-uffd
				nw = malloc(sizeof *nw);
				if (!nw) {
					close(m.arg.fork.ufd);
				} else {
					nw->fd = m.arg.fork.ufd;
					nw->dead = 0;

				}
			}
		}
	}
	while (list) {
		struct node *x = list;
		list = x->next;
		if (x->fd >= 0)
			close(x->fd);
		free(x);
	}
	return arg;
}
int main(void)
{
	pthread_t t;
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	uffd = fd;
	if (pthread_create(&t, NULL, serve, NULL))
		return 1;
	pthread_join(t, NULL);
	return 0;
}
