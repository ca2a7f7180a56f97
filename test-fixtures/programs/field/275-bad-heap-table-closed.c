// style: a thread leaves a child that its table has no memory for
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pthread.h>
struct vec { int *p; int n, cap; };
static int add(struct vec *c, int fd)
{
	if (c->n == c->cap) {
		int *q = realloc(c->p, (c->cap + 8) * sizeof(*q));
		if (!q)
			return -1; // expect: leaked-child-uffd
		c->p = q;
		c->cap += 8;
	}
	c->p[c->n++] = fd;
	return 0;
}
static int uffd;
static void *serve(void *arg)
{
	struct vec *c = calloc(1, sizeof(*c));
	struct uffd_msg m;

	if (!c || add(c, uffd) < 0)
		return NULL;
	while (getppid() != 1)
		for (int i = 0; i < c->n; i++) {
			if (read(c->p[i], &m, sizeof(m)) != sizeof(m))
				continue;
			if (m.event == UFFD_EVENT_FORK) {
				if (add(c, m.arg.fork.ufd) < 0)
					continue;
			}
		}
	while (c->n > 0)
		if (c->p[--c->n] >= 0)
			close(c->p[c->n]);
	free(c->p);
	free(c);
	return arg;
}
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, O_NONBLOCK);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	pthread_t t;
	uffd = fd;
	if (pthread_create(&t, NULL, serve, NULL))
		return 1;
	pthread_join(t, NULL);
	return 0;
}
