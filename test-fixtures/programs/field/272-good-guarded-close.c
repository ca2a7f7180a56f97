// style: a thread's own table is moved up, and closed at the end where an element is a descriptor
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <pthread.h>
static int uffd;
static void *serve(void *arg)
{
	struct uffd_msg m;
	int i, n = 0, p[8];

	p[n++] = uffd;
	while (getppid() != 1) {
		for (i = 0; i < n; i++) {
			if (read(p[i], &m, sizeof(m)) != sizeof(m))
				continue;
			if (m.event == UFFD_EVENT_FORK) {
				if (n < 8)
					p[n++] = m.arg.fork.ufd;
				else
					close(m.arg.fork.ufd);
			}
		}
		int to = 0;
		for (int from = 0; from < n; from++)
			if (p[from] >= 0)
				p[to++] = p[from];
		n = to;
	}
	while (n > 0)
		if (p[--n] >= 0)
			close(p[n]);
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
