// style: features that a mask picks out of what was probed
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <fcntl.h>
#include <stdlib.h>
#define NEED (UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP)
struct rfd { int fd; int (*read_event)(struct rfd *); };
struct kdat { unsigned long uffd_features; };
extern struct kdat kdat;
int recv_fd(int);
int send_uffd(int, int);
int uffd_open(int flags, unsigned long *features)
{
	struct uffdio_api api = { 0 };
	int uffd = syscall(SYS_userfaultfd, flags);
	if (uffd == -1)
		return -1;
	api.api = UFFD_API;
	if (features)
		api.features = *features;
	if (ioctl(uffd, UFFDIO_API, &api)) {
		close(uffd);
		return -1;
	}
	return uffd;
}
int setup_uffd(int pid)
{
	unsigned long features = kdat.uffd_features & NEED;
	int u = uffd_open(O_CLOEXEC | O_NONBLOCK, &features);
	if (u < 0)
		return -1;
	return send_uffd(u, pid);
}
static int handle_uffd_event(struct rfd *r)
{
	struct uffd_msg msg;
	if (read(r->fd, &msg, sizeof(msg)) != sizeof(msg))
		return -1;
	switch (msg.event) {
	case UFFD_EVENT_PAGEFAULT:
		return 0;
	case UFFD_EVENT_REMAP:
		return 1;
	case UFFD_EVENT_FORK:
		close(msg.arg.fork.ufd);
		return 0;
	default:
		return -1;
	}
}
int add(int client)
{
	struct rfd *r = malloc(sizeof(*r));
	if (!r)
		return -1;
	r->read_event = handle_uffd_event;
	r->fd = recv_fd(client);
	return epoll_add(r);
}
