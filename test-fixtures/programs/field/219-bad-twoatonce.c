// style: one statement puts the child into two variables of the parent
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

static int uffd;

struct args { int uffd; };

static void *run(void *arg)
{
	struct args *a = arg;
	struct uffd_msg msg;

	while (read(a->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event == UFFD_EVENT_FORK)
			uffd = a->uffd = msg.arg.fork.ufd; // expect: overwritten-parent-uffd
	}
	return NULL;
}

int start(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct args *a = malloc(sizeof(*a));
	pthread_t t;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (!a || uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return -1;
	a->uffd = uffd;
	return pthread_create(&t, NULL, run, a);
}
