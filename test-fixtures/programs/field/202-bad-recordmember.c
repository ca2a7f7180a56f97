// style: the child travels in a record on the stack; a full table drops it
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct r { int k, fd; };
static struct r table[8];
static unsigned n;

static void dispatch(int uffd)
{
	struct uffd_msg msg;
	struct r q;
	static int dropped;

	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		return;
	if (msg.event == UFFD_EVENT_FORK) { // expect: leaked-child-uffd
		q.k = 1;
		q.fd = msg.arg.fork.ufd;
		if (n < 8)
			table[n++].fd = q.fd;
		else
			dropped++;
	}
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	for (;;)
		dispatch(uffd);
}
