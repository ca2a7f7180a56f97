// style: a constructor that returns NULL, whose caller ends the program then
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
struct peer { struct peer *next; int fd; };
static struct peer *peers;
static struct peer *add(int fd)
{
	struct peer *p = malloc(sizeof(*p));

	if (!p)
		return NULL;
	p->fd = fd;
	p->next = peers;
	return peers = p;
}
static void *reader(void *arg)
{
	struct uffd_msg m;

	for (;;) {
		if (read(*(int *)arg, &m, sizeof(m)) != sizeof(m))
			continue;
		if (m.event == UFFD_EVENT_FORK && !add(m.arg.fork.ufd))
			abort();
	}
	return NULL;
}
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	pthread_t t;

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	if (pthread_create(&t, NULL, reader, &uffd))
		return 1;
	pthread_join(t, NULL);
	return 0;
}
