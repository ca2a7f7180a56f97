// style: spaces taken from a list of free ones, whose heads LIST_HEAD_INIT() makes
/* A monitor that keeps one record per address space in an intrusive list. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

struct list_head { struct list_head *next, *prev; };
#define LIST_HEAD_INIT(n) { &(n), &(n) }
#define container_of(p, t, m) ((t *)((char *)(p) - offsetof(t, m)))
#define list_for_each(pos, head) for (pos = (head)->next; pos != (head); pos = pos->next)

static inline int list_empty(const struct list_head *h) { return h->next == h; }
static inline void list_del(struct list_head *e)
{
	e->next->prev = e->prev;
	e->prev->next = e->next;
}
static inline void list_add_tail(struct list_head *e, struct list_head *h)
{
	e->prev = h->prev;
	e->next = h;
	h->prev->next = e;
	h->prev = e;
}

struct space {
	int uffd;
	unsigned generation;
	unsigned long faults;
	struct list_head link;
};

static struct list_head spaces = LIST_HEAD_INIT(spaces);
static struct list_head free_spaces = LIST_HEAD_INIT(free_spaces);
static struct space pool[3];
static char *image, *mem;
static long psize;

static struct space *space_get(void)
{
	struct list_head *e;

	if (list_empty(&free_spaces))
		return NULL;
	e = free_spaces.next;
	list_del(e);
	return container_of(e, struct space, link);
}

static int space_add(int uffd, unsigned generation)
{
	struct space *s = space_get();

	if (!s)
		return -ENOSPC; // expect: leaked-child-uffd
	s->uffd = uffd;
	s->generation = generation;
	s->faults = 0;
	list_add_tail(&s->link, &spaces);
	return 0;
}

static int space_fill(struct space *s, unsigned long va)
{
	struct uffdio_copy c = { .dst = va, .len = psize };
	struct uffdio_range r = { .start = va, .len = psize };

	c.src = (unsigned long)image + (va - (unsigned long)mem);
	if (ioctl(s->uffd, UFFDIO_COPY, &c) == 0)
		return 0;
	if (errno == EAGAIN || errno == EEXIST)
		return ioctl(s->uffd, UFFDIO_WAKE, &r);
	return errno == ESRCH ? 0 : -1;
}

static int space_event(struct space *s, const struct uffd_msg *msg)
{
	switch (msg->event) {
	case UFFD_EVENT_PAGEFAULT:
		s->faults++;
		return space_fill(s, msg->arg.pagefault.address & -psize);
	case UFFD_EVENT_FORK:
		return space_add(msg->arg.fork.ufd, s->generation + 1);
	default:
		return -EPROTO;
	}
}

static void *monitor(void *arg)
{
	struct list_head *pos;
	struct uffd_msg msg;
	ssize_t n;

	(void)arg;
	for (;;) {
		list_for_each(pos, &spaces) {
			struct space *s = container_of(pos, struct space, link);

			n = read(s->uffd, &msg, sizeof(msg));
			if (n == (ssize_t)sizeof(msg))
				(void)space_event(s, &msg);
		}
		usleep(200);
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;
	int fd, i, st, bad = 0;
	pid_t pid[4];

	psize = sysconf(_SC_PAGESIZE);
	for (i = 0; i < 3; i++)
		list_add_tail(&pool[i].link, &free_spaces);
	mem = mmap(NULL, 4 * psize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	image = mmap(NULL, 4 * psize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || image == MAP_FAILED)
		return perror("mmap"), 1;
	memset(image, 'I', 4 * psize);
	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return perror("userfaultfd"), 1;
	reg.range.start = (unsigned long)mem;
	reg.range.len = 4 * psize;
	if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0 || space_add(fd, 0) < 0)
		return perror("register"), 1;
	if (pthread_create(&t, NULL, monitor, NULL))
		return 1;
	for (i = 0; i < 4; i++) {
		pid[i] = fork();
		if (pid[i] < 0)
			return perror("fork"), 1;
		if (pid[i] == 0)
			_exit(mem[psize] == 'I' ? 0 : mem[psize] == 0 ? 1 : 2);
	}
	for (i = 0; i < 4; i++) {
		if (waitpid(pid[i], &st, 0) < 0)
			return 1;
		bad += WEXITSTATUS(st) != 0;
	}
	printf("%d of 4 children without the image\n", bad);
	return 0;
}
