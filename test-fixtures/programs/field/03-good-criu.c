/*
 * lazy-pages: serves memory of restored tasks and of whatever they fork.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <pthread.h>
#include <unistd.h>

#define pr_err(fmt, ...)    fprintf(stderr, "Error (%s:%d): " fmt, __FILE__, __LINE__, ##__VA_ARGS__)
#define pr_perror(fmt, ...) pr_err(fmt ": %s\n", ##__VA_ARGS__, strerror(errno))
#define lp_err(lpi, fmt, ...) pr_err("uffd: %d-%d: " fmt, (lpi)->pid, (lpi)->lpfd.fd, ##__VA_ARGS__)

#define xzalloc(n) calloc(1, n)
#define xfree(p)   free(p)

#ifndef container_of
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#endif

struct list_head {
	struct list_head *prev, *next;
};
#define LIST_HEAD_INIT(name) { &(name), &(name) }
#define LIST_HEAD(name) struct list_head name = LIST_HEAD_INIT(name)
static inline void INIT_LIST_HEAD(struct list_head *l) { l->prev = l->next = l; }
static inline void list_add_tail(struct list_head *n, struct list_head *h)
{
	n->prev = h->prev;
	n->next = h;
	h->prev->next = n;
	h->prev = n;
}
static inline void list_del(struct list_head *e)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
}
#define list_for_each_entry_safe(pos, n, head, member)                                                  \
	for (pos = container_of((head)->next, __typeof__(*pos), member),                                \
	     n = container_of(pos->member.next, __typeof__(*pos), member);                              \
	     &pos->member != (head);                                                                    \
	     pos = n, n = container_of(n->member.next, __typeof__(*n), member))

struct epoll_rfd {
	int fd;
	int (*read_event)(struct epoll_rfd *);
};

struct lazy_pages_info {
	int pid;
	struct epoll_rfd lpfd;
	struct list_head l;
	struct lazy_pages_info *parent;
	unsigned ref_cnt;
	unsigned long total_pages;
};

static LIST_HEAD(lpis);
static int epollfd = -1;
static unsigned long psize;
static char *zero_src;
static struct epoll_rfd stop_rfd;
static int stopped;

static int handle_uffd_event(struct epoll_rfd *lpfd);

static struct lazy_pages_info *lpi_init(void)
{
	struct lazy_pages_info *lpi = xzalloc(sizeof(*lpi));

	if (!lpi)
		return NULL;
	INIT_LIST_HEAD(&lpi->l);
	lpi->lpfd.fd = -1;
	lpi->lpfd.read_event = handle_uffd_event;
	lpi->ref_cnt = 1;
	return lpi;
}

static void lpi_fini(struct lazy_pages_info *lpi)
{
	if (!lpi)
		return;
	if (lpi->lpfd.fd >= 0)
		close(lpi->lpfd.fd);
	if (lpi->parent)
		lpi->parent->ref_cnt--;
	xfree(lpi);
}

static int epoll_add_rfd(int efd, struct epoll_rfd *rfd)
{
	struct epoll_event ev;

	ev.events = EPOLLIN;
	ev.data.ptr = rfd;
	if (epoll_ctl(efd, EPOLL_CTL_ADD, rfd->fd, &ev) == -1) {
		pr_perror("epoll_ctl failed");
		return -1;
	}
	return 0;
}

static int uffd_copy(struct lazy_pages_info *lpi, uint64_t address)
{
	struct uffdio_copy c = { .dst = address, .src = (unsigned long)zero_src, .len = psize };

	while (ioctl(lpi->lpfd.fd, UFFDIO_COPY, &c)) {
		if (errno == EAGAIN)
			continue;
		if (errno == EEXIST || errno == ESRCH || errno == ENOENT)
			return 0;
		lp_err(lpi, "UFFDIO_COPY failed: %s\n", strerror(errno));
		return -1;
	}
	lpi->total_pages++;
	return 0;
}

static int handle_fork(struct lazy_pages_info *parent_lpi, struct uffd_msg *msg)
{
	struct lazy_pages_info *lpi;
	int uffd = msg->arg.fork.ufd;

	lpi = lpi_init();
	if (!lpi) {
		close(uffd);
		return -1;
	}

	lpi->parent = parent_lpi;
	parent_lpi->ref_cnt++;
	lpi->pid = parent_lpi->pid;
	lpi->lpfd.fd = uffd;

	if (epoll_add_rfd(epollfd, &lpi->lpfd))
		goto out;

	list_add_tail(&lpi->l, &lpis);
	return 1;

out:
	lpi_fini(lpi);
	return -1;
}

static int handle_page_fault(struct lazy_pages_info *lpi, struct uffd_msg *msg)
{
	return uffd_copy(lpi, msg->arg.pagefault.address & ~(uint64_t)(psize - 1));
}

static int handle_uffd_event(struct epoll_rfd *lpfd)
{
	struct lazy_pages_info *lpi = container_of(lpfd, struct lazy_pages_info, lpfd);
	struct uffd_msg msg;
	int ret;

	ret = read(lpfd->fd, &msg, sizeof(msg));
	if (ret < 0) {
		/* we've already handled the page fault for another thread */
		if (errno == EAGAIN)
			return 0;
		lp_err(lpi, "Can't read uffd message: %s\n", strerror(errno));
		return -1;
	} else if (!ret) {
		return 1;
	}

	switch (msg.event) {
	case UFFD_EVENT_PAGEFAULT:
		return handle_page_fault(lpi, &msg);
	case UFFD_EVENT_REMOVE:
	case UFFD_EVENT_UNMAP:
		return 0;
	case UFFD_EVENT_FORK:
		return handle_fork(lpi, &msg);
	default:
		lp_err(lpi, "unexpected uffd event %u\n", msg.event);
		return -1;
	}
}

static int stop_event(struct epoll_rfd *rfd)
{
	uint64_t v;

	if (read(rfd->fd, &v, sizeof(v)) != sizeof(v))
		return -1;
	stopped = 1;
	return 0;
}

static void *handle_requests(void *unused)
{
	struct epoll_event evs[8];
	int i, n;

	while (!stopped) {
		n = epoll_wait(epollfd, evs, 8, -1);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			pr_perror("polling failed");
			break;
		}
		for (i = 0; i < n; i++) {
			struct epoll_rfd *rfd = evs[i].data.ptr;

			if (rfd->read_event(rfd) < 0)
				goto out;
		}
	}
out:
	return unused;
}

static int ud_open(struct lazy_pages_info *lpi, void *mem, size_t len)
{
	struct uffdio_api api = {
		.api = UFFD_API,
		.features = UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMOVE | UFFD_FEATURE_EVENT_UNMAP,
	};
	struct uffdio_register reg = {
		.range = { .start = (unsigned long)mem, .len = len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	lpi->lpfd.fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (lpi->lpfd.fd < 0) {
		pr_perror("Unable to open an userfaultfd descriptor");
		return -1;
	}
	if (ioctl(lpi->lpfd.fd, UFFDIO_API, &api)) {
		pr_perror("Failed to negotiate");
		return -1;
	}
	if (ioctl(lpi->lpfd.fd, UFFDIO_REGISTER, &reg)) {
		pr_perror("Failed to register");
		return -1;
	}
	return 0;
}

int main(void)
{
	struct lazy_pages_info *lpi, *n;
	uint64_t one = 1;
	pthread_t thr;
	char *mem;
	pid_t pid;
	int st = 0;

	psize = sysconf(_SC_PAGESIZE);
	mem = mmap(NULL, 8 * psize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	zero_src = mmap(NULL, psize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || zero_src == MAP_FAILED)
		return 1;
	zero_src[0] = 'L';
	epollfd = epoll_create1(EPOLL_CLOEXEC);
	if (epollfd < 0)
		return 1;
	stop_rfd.fd = eventfd(0, EFD_CLOEXEC);
	stop_rfd.read_event = stop_event;
	if (stop_rfd.fd < 0 || epoll_add_rfd(epollfd, &stop_rfd))
		return 1;
	lpi = lpi_init();
	if (!lpi)
		return 1;
	lpi->pid = getpid();
	if (ud_open(lpi, mem, 8 * psize) || epoll_add_rfd(epollfd, &lpi->lpfd)) {
		lpi_fini(lpi);
		return 1;
	}
	list_add_tail(&lpi->l, &lpis);
	if (pthread_create(&thr, NULL, handle_requests, NULL))
		return 1;
	pid = fork();
	if (pid < 0)
		return 1;
	if (pid == 0)
		_exit(mem[psize] == 'L' ? 0 : 3);
	waitpid(pid, &st, 0);
	if (write(stop_rfd.fd, &one, sizeof(one)) != sizeof(one))
		return 1;
	pthread_join(thr, NULL);
	list_for_each_entry_safe(lpi, n, &lpis, l) {
		list_del(&lpi->l);
		lpi_fini(lpi);
	}
	printf("child exit %d\n", WEXITSTATUS(st));
	return 0;
}
