// style: spaces in a kernel-style list, gathered into an array for a turn
/* Post-copy destination with kernel style lists. */
#define _GNU_SOURCE
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <linux/userfaultfd.h>

struct list_head { struct list_head *next, *prev; };
#define LIST_HEAD_INIT(n) { &(n), &(n) }
static inline void __list_add(struct list_head *n, struct list_head *p, struct list_head *x)
{
	x->prev = n; n->next = x; n->prev = p; p->next = n;
}
static inline void list_add_tail(struct list_head *n, struct list_head *h) { __list_add(n, h->prev, h); }
static inline void list_del(struct list_head *e)
{
	e->prev->next = e->next; e->next->prev = e->prev; e->next = e->prev = NULL;
}
#define container_of(ptr, type, member) ({ \
	const typeof(((type *)0)->member) *__m = (ptr); \
	(type *)((char *)__m - offsetof(type, member)); })
#define list_entry(p, t, m) container_of(p, t, m)
#define list_for_each_entry_safe(pos, n, head, member) \
	for (pos = list_entry((head)->next, typeof(*pos), member), \
	     n = list_entry(pos->member.next, typeof(*pos), member); \
	     &pos->member != (head); \
	     pos = n, n = list_entry(n->member.next, typeof(*n), member))

struct space {
	int fd;
	bool root;
	struct list_head node;
};

static struct list_head spaces = LIST_HEAD_INIT(spaces);
static unsigned nspaces;
static char *area;
static size_t area_len;
static long page;
static int wakeup[2];
static char *src_page;

static struct space *space_new(int fd, bool root)
{
	struct space *s = malloc(sizeof(*s));

	if (!s)
		return NULL;
	s->fd = fd;
	s->root = root;
	list_add_tail(&s->node, &spaces);
	nspaces++;
	return s;
}

static void space_free(struct space *s)
{
	list_del(&s->node);
	nspaces--;
	close(s->fd);
	free(s);
}

static int on_fork(const struct uffd_msg *msg)
{
	int cfd = msg->arg.fork.ufd;

	if (!space_new(cfd, false)) {
		close(cfd);
		return -ENOMEM;
	}
	return 0;
}

static int on_fault(struct space *s, const struct uffd_msg *msg)
{
	struct uffdio_copy cp = {
		.dst = msg->arg.pagefault.address & -page,
		.src = (unsigned long)src_page,
		.len = page,
	};
	struct uffdio_range rg = { .start = cp.dst, .len = page };

	if (!ioctl(s->fd, UFFDIO_COPY, &cp))
		return 0;
	switch (errno) {
	case EEXIST:
	case EAGAIN:
		return ioctl(s->fd, UFFDIO_WAKE, &rg);
	case ESRCH:
		return -ESRCH;
	default:
		return 0;
	}
}

static int space_handle(struct space *s)
{
	struct uffd_msg msg;
	ssize_t n;

again:
	n = read(s->fd, &msg, sizeof(msg));
	if (n == -1 && errno == EINTR)
		goto again;
	if (n == -1 && errno == EAGAIN)
		return 0;
	if (n != sizeof(msg))
		return -EIO;
	if (msg.event == UFFD_EVENT_FORK)
		return on_fork(&msg) == -ENOMEM ? 0 : 0;
	if (msg.event == UFFD_EVENT_PAGEFAULT)
		return on_fault(s, &msg);
	return -EPROTO;
}

static void *postcopy_thread(void *unused)
{
	struct space *s, *tmp;
	static struct pollfd pf[256];
	static struct space *who[256];

	for (;;) {
		unsigned n = 0;

		pf[n].fd = wakeup[0];
		pf[n].events = POLLIN;
		who[n++] = NULL;
		list_for_each_entry_safe(s, tmp, &spaces, node) {
			pf[n].fd = s->fd;
			pf[n].events = POLLIN;
			who[n++] = s;
		}
		if (poll(pf, n, -1) < 0 && errno != EINTR)
			break;
		if (pf[0].revents)
			break;
		for (unsigned i = 1; i < n; i++) {
			if (!pf[i].revents)
				continue;
			if (space_handle(who[i]) < 0 && !who[i]->root)
				space_free(who[i]);
		}
	}
	list_for_each_entry_safe(s, tmp, &spaces, node)
		space_free(s);
	return unused;
}

int main(void)
{
	struct uffdio_api api;
	struct uffdio_register reg;
	pthread_t th;
	int ufd, ret = 1, status;
	pid_t pid;

	page = getpagesize();
	area_len = 8 * page;
	area = mmap(NULL, area_len, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	if (area == MAP_FAILED)
		goto out;
	if (posix_memalign((void **)&src_page, page, page))
		goto out_unmap;
	memset(src_page, 0x5a, page);
	if (pipe2(wakeup, O_CLOEXEC))
		goto out_src;
	ufd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (ufd < 0)
		goto out_pipe;
	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	if (ioctl(ufd, UFFDIO_API, &api))
		goto out_ufd;
	memset(&reg, 0, sizeof(reg));
	reg.range.start = (unsigned long)area;
	reg.range.len = area_len;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(ufd, UFFDIO_REGISTER, &reg))
		goto out_ufd;
	if (!space_new(ufd, true))
		goto out_ufd;
	ufd = -1;
	if (pthread_create(&th, NULL, postcopy_thread, NULL))
		goto out_pipe;
	for (int i = 0; i < 3; i++) {
		pid = fork();
		if (!pid)
			_exit(area[i * page + 7] != 0x5a);
		if (pid > 0 && waitpid(pid, &status, 0) == pid && status == 0)
			continue;
		goto out_join;
	}
	ret = area[5 * page] != 0x5a;
out_join:
	if (write(wakeup[1], "q", 1) != 1)
		perror("write");
	pthread_join(th, NULL);
out_ufd:
	if (ufd >= 0)
		close(ufd);
out_pipe:
	close(wakeup[0]);
	close(wakeup[1]);
out_src:
	free(src_page);
out_unmap:
	munmap(area, area_len);
out:
	printf("ret %d spaces %u\n", ret, nspaces);
	return ret;
}
