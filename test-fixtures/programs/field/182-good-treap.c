// style: children in a treap
/* children in a binary search tree (treap) keyed by descriptor; poll array rebuilt by an in-order walk */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct node {
	struct node *kid[2];
	unsigned prio;
	int fd;
};

#define POOL 64
static struct node pool[POOL];
static struct node *freelist;

static void pool_init(void)
{
	for (int i = 0; i < POOL; i++) {
		pool[i].kid[0] = freelist;
		freelist = &pool[i];
	}
}

static struct node *node_new(int fd)
{
	static unsigned seed = 12345;
	struct node *n = freelist;

	if (n) {
		freelist = n->kid[0];
		n->kid[0] = n->kid[1] = NULL;
		n->fd = fd;
		n->prio = seed = seed * 1103515245 + 12345;
	}
	return n;
}

static struct node *rotate(struct node *t, int d)
{
	struct node *k = t->kid[!d];

	t->kid[!d] = k->kid[d];
	k->kid[d] = t;
	return k;
}

static struct node *insert(struct node *t, struct node *n)
{
	if (!t)
		return n;
	int d = n->fd > t->fd;
	t->kid[d] = insert(t->kid[d], n);
	if (t->kid[d]->prio > t->prio)
		t = rotate(t, !d);
	return t;
}

static struct node *erase(struct node *t, int fd)
{
	if (!t)
		return NULL;
	if (fd != t->fd) {
		int d = fd > t->fd;
		t->kid[d] = erase(t->kid[d], fd);
		return t;
	}
	if (t->kid[0] && t->kid[1]) {
		int d = t->kid[0]->prio > t->kid[1]->prio;
		t = rotate(t, d);
		t->kid[d] = erase(t->kid[d], fd);
		return t;
	}
	struct node *up = t->kid[0] ? t->kid[0] : t->kid[1];
	close(t->fd);
	t->kid[0] = freelist;
	freelist = t;
	return up;
}

static int walk(struct node *t, struct pollfd *pf, int n)
{
	if (!t)
		return n;
	n = walk(t->kid[0], pf, n);
	pf[n].fd = t->fd;
	pf[n].events = POLLIN;
	pf[n].revents = 0;
	return walk(t->kid[1], pf, n + 1);
}

static void destroy(struct node *t)
{
	if (t) {
		destroy(t->kid[0]);
		destroy(t->kid[1]);
		close(t->fd);
	}
}

static struct node *tree;
static atomic_bool stop;
static int root = -1;
static long ps;

static int handle(int fd)
{
	struct uffd_msg msg = { 0 };
	int ret = read(fd, &msg, sizeof(msg));

	if (ret != sizeof(msg)) {
		if (ret < 0 && errno == EAGAIN)
			return 0;
		return -1;
	}
	if (msg.event == UFFD_EVENT_FORK) {
		struct node *n = node_new(msg.arg.fork.ufd);
		if (n)
			tree = insert(tree, n);
		else
			close(msg.arg.fork.ufd);
		return 0;
	}
	if (msg.event != UFFD_EVENT_PAGEFAULT)
		return -1;
	struct uffdio_zeropage z = { .range.start = msg.arg.pagefault.address & ~(ps - 1), .range.len = ps };
	if (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0) {
		if (errno == ESRCH)
			return -1;
		ioctl(fd, UFFDIO_WAKE, &z.range);
	}
	return 0;
}

static void *monitor(void *arg)
{
	struct pollfd pf[POOL];

	while (!atomic_load_explicit(&stop, memory_order_acquire)) {
		int n = walk(tree, pf, 0);
		if (poll(pf, n, 20) <= 0)
			continue;
		for (int i = 0; i < n; i++)
			if (pf[i].revents && handle(pf[i].fd) < 0 && pf[i].fd != root)
				tree = erase(tree, pf[i].fd);
	}
	destroy(tree);
	tree = NULL;
	return arg;
}

int main(void)
{
	pthread_t th;
	int err = 0;

	pool_init();
	ps = sysconf(_SC_PAGESIZE);
	root = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (root < 0) {
		perror("userfaultfd");
		return 1;
	}
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	if (ioctl(root, UFFDIO_API, &api) < 0) {
		perror("UFFDIO_API");
		close(root);
		return 1;
	}
	unsigned char *mem = mmap(NULL, 10 * ps, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = { .range = { (uintptr_t)mem, 10 * ps }, .mode = UFFDIO_REGISTER_MODE_MISSING };
	if (mem == MAP_FAILED || ioctl(root, UFFDIO_REGISTER, &reg) < 0) {
		perror("REGISTER");
		close(root);
		return 1;
	}
	tree = insert(tree, node_new(root));
	if (pthread_create(&th, NULL, monitor, NULL) != 0)
		return 1;
	for (int i = 0; i < 10; i++) {
		pid_t p = fork();
		if (p == 0) {
			mem[i * ps] += 1;
			_exit(mem[i * ps] != 1);
		}
		int st = -1;
		if (p > 0)
			waitpid(p, &st, 0);
		err += st != 0;
	}
	atomic_store_explicit(&stop, true, memory_order_release);
	pthread_join(th, NULL);
	printf("err %d\n", err);
	return err;
}
