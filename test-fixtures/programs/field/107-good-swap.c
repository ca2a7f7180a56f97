// style: a thread that goes on with the child and starts another for the parent
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>
struct u { int uffd; pthread_t thread; struct u *next; };
static void *run(void *arg)
{
	struct u *u = arg, *n;
	struct uffd_msg msg;
	for (;;) {
		if (read(u->uffd, &msg, sizeof(msg)) != sizeof(msg))
			return NULL;
		if (msg.event == UFFD_EVENT_FORK) {
			/* this thread follows the child; a new one serves the parent */
			n = malloc(sizeof(*n));
			if (!n)
				abort();
			n->uffd = u->uffd;
			u->uffd = msg.arg.fork.ufd;
			n->next = u->next;
			u->next = n;
			if (pthread_create(&n->thread, NULL, run, n))
				abort();
		}
	}
}
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct u *u = calloc(1, sizeof(*u));
	if (!u)
		return 1;
	u->uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (u->uffd < 0 || ioctl(u->uffd, UFFDIO_API, &api))
		return 1;
	if (pthread_create(&u->thread, NULL, run, u))
		return 1;
	pthread_join(u->thread, NULL);
	return 0;
}
