// style: the variable that is read goes on to the child, and who was there before is kept for a moment
/* Miss: the parent's number survives only in a local that ends with the function
   (page: "a copy in another variable of the same thread counts as kept"). */
#include <fcntl.h>
#include <pthread.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct follower { int target; };

static void follow(struct follower *f, int fd)
{
	int old = f->target;

	f->target = fd; // expect: overwritten-parent-uffd
	(void)old;
}

static void *reader(void *arg)
{
	struct follower *f = arg;
	struct uffd_msg m;

	while (read(f->target, &m, sizeof m) == sizeof m)
		if (m.event == UFFD_EVENT_FORK)
			follow(f, m.arg.fork.ufd);
	close(f->target);
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct follower f;
	pthread_t t;

	f.target = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (f.target < 0 || ioctl(f.target, UFFDIO_API, &api) < 0)
		return 1;
	if (pthread_create(&t, NULL, reader, &f))
		return 1;
	pthread_join(t, NULL);
	return 0;
}
