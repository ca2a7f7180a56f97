// style: a mailbox of a library between two threads
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct box { struct uffd_msg m; sem_t full, empty; };
extern struct box *box_new(void);
extern void fill(int fd, const struct uffd_msg *);

static struct box *box;
static int fd;

static void *producer(void *p)
{
	struct uffd_msg m;

	while (read(fd, &m, sizeof m) == sizeof m) {
		sem_wait(&box->empty);
		box->m = m;
		sem_post(&box->full);
	}
	return p;
}

static void *worker(void *p)
{
	for (;;) {
		struct uffd_msg m;

		sem_wait(&box->full);
		m = box->m;
		sem_post(&box->empty);
		if (m.event == UFFD_EVENT_PAGEFAULT)
			fill(fd, &m);
		else if (m.event == UFFD_EVENT_FORK)
			close(m.arg.fork.ufd);
	}
	return p;
}

int main(void)
{
	struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	pthread_t x, y;

	box = box_new();
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &a))
		return 1;
	if (pthread_create(&x, NULL, producer, 0) || pthread_create(&y, NULL, worker, 0))
		return 1;
	pthread_join(x, NULL);
	return 0;
}
