// style: a reader that moves on to the child once
/* MISS: overwritten-parent-uffd is not reported where the overwrite happens once, under a flag in the thread's
   argument that the thread sets itself. With a flag in a local or a global variable it is reported. */
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
struct job { int handed; char *mem; };
static struct job j;
static void *pager(void *vp)
{
	struct job *j = vp;
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffd_msg msg; int h=0;
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		exit(1);
	struct uffdio_register reg = { .range = { (uintptr_t)j->mem, 4096 }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		exit(1);
	for (;;) {
		if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
			exit(1);
		if (msg.event == UFFD_EVENT_FORK) {
			fd = msg.arg.fork.ufd; // expect: overwritten-parent-uffd
			break;
		}
	}
	for (;;) {
		if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
			exit(1);
		if (msg.event == UFFD_EVENT_FORK) close(msg.arg.fork.ufd);
	}
}
int main(void)
{
	pthread_t t;
	if (pthread_create(&t, NULL, pager, &j))
		return 1;
	pause();
	return 0;
}
