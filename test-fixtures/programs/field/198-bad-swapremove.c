// style: a poll array in a record; a full one drops the child
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int uffd, stop;
struct pager { struct pollfd fds[6]; int nfds; };

static void service(struct pager *p, int i)
{
	struct uffd_msg msg;
	int fd = p->fds[i].fd;

	if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
		return;
	if (msg.event == UFFD_EVENT_FORK) {
		if (p->nfds > 5) {
			return; // expect: leaked-child-uffd
		}
		p->fds[p->nfds].events = POLLIN;
		p->fds[p->nfds].revents = 0;
		p->fds[p->nfds++].fd = msg.arg.fork.ufd;
	} else if (i > 1) {	/* a child faulted: not wanted any more */
		close(fd);
		p->fds[i] = p->fds[--p->nfds];
	}
}

static void *monitor(void *arg)
{
	struct pager p;
	int i;

	p.fds[0].fd = stop;
	p.fds[1].fd = uffd;
	p.fds[0].events = p.fds[1].events = POLLIN;
	p.nfds = 2;
	while (poll(p.fds, p.nfds, -1) > 0)
		for (i = 1; i < p.nfds; i++)
			if (p.fds[i].revents)
				service(&p, i);
	while (p.nfds > 2)
		close(p.fds[--p.nfds].fd);
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	pthread_t t;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	stop = eventfd(0, EFD_CLOEXEC);
	pthread_create(&t, NULL, monitor, NULL);
	pthread_join(t, NULL);
	return 0;
}
