// style: a thread with an array of messages for each turn
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static void *monitor(void *arg)
{
	for (;;) {
		struct uffd_msg msg[1];

		if (read(*(int *)arg, msg, sizeof(msg)) < 0)
			continue;
		if (msg[0].event == UFFD_EVENT_FORK) // expect: leaked-child-uffd
			warnx("a child");
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	pthread_t t;

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		err(1, "userfaultfd");
	if (pthread_create(&t, NULL, monitor, &uffd))
		err(1, "start");
	pthread_join(t, NULL);
	return 0;
}
