// style: a list of a function, closed by a function that calls itself
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
struct kid { struct kid *next; int fd; };
static void kids_free(struct kid *k)
{
	if (!k)
		return;
	kids_free(k->next);
	close(k->fd);
	free(k);
}
static int uffd, stop[2];
static void *pager(void *arg)
{
	struct pollfd p[2] = { { uffd, POLLIN, 0 }, { stop[0], POLLIN, 0 } };
	struct kid *kids = NULL, *k;
	struct uffd_msg m;

	while (poll(p, 2, -1) > 0 && !p[1].revents) {
		if (read(uffd, &m, sizeof(m)) != sizeof(m))
			continue;
		if (m.event == UFFD_EVENT_FORK) {
			k = malloc(sizeof(*k));
			if (!k)
				exit(1);
			k->fd = m.arg.fork.ufd;
			k->next = kids;
			kids = k;
		}
	}
	kids_free(kids);
	return arg;
}
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register r = { .range.len = 4096, .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	r.range.start = (uintptr_t)mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (uffd < 0 || pipe(stop) || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &r))
		return 1;
	if (pthread_create(&t, NULL, pager, NULL))
		return 1;
	if (fork() == 0)
		_exit(0);
	wait(NULL);
	close(stop[1]);
	pthread_join(t, NULL);
	return system("ls -l /proc/$PPID/fd | grep -c userfaultfd");
}
