/*
 * evq: a reader thread only moves messages from the userfaultfd into a
 * bounded queue; a worker takes them out and does the slow part.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
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
	struct node *next;
	int from;
	struct uffd_msg msg;
};

struct queue {
	pthread_mutex_t lock;
	pthread_cond_t nonempty;
	struct node *head, **tail;
};

struct service {
	int uffd;
	struct queue q;
	unsigned long pages, children;
	size_t pagesize;
};

static void *must(void *p)
{
	if (!p) {
		fputs("out of memory\n", stderr);
		abort();
	}
	return p;
}

static void queue_init(struct queue *q)
{
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->nonempty, NULL);
	q->head = NULL;
	q->tail = &q->head;
}

static void queue_put(struct queue *q, struct node *n)
{
	n->next = NULL;
	pthread_mutex_lock(&q->lock);
	*q->tail = n;
	q->tail = &n->next;
	pthread_cond_signal(&q->nonempty);
	pthread_mutex_unlock(&q->lock);
}

static struct node *queue_get(struct queue *q)
{
	struct node *n;

	pthread_mutex_lock(&q->lock);
	while (!q->head)
		pthread_cond_wait(&q->nonempty, &q->lock);
	n = q->head;
	q->head = n->next;
	if (!q->head)
		q->tail = &q->head;
	pthread_mutex_unlock(&q->lock);
	return n;
}

static void *reader(void *arg)
{
	struct service *s = arg;

	for (;;) {
		/* allocated before the read: fork() holds the allocator's locks */
		struct node *n = must(malloc(sizeof(*n)));
		ssize_t got;

		do
			got = read(s->uffd, &n->msg, sizeof(n->msg));
		while (got < 0 && errno == EINTR);
		if (got != sizeof(n->msg)) {
			free(n);
			break;
		}
		n->from = s->uffd;
		queue_put(&s->q, n);
	}
	return NULL;
}

static void fill(struct service *s, const struct node *n)
{
	struct uffdio_zeropage z = {
		.range = {
			.start = n->msg.arg.pagefault.address & ~(uint64_t)(s->pagesize - 1),
			.len = s->pagesize,
		},
	};

	while (ioctl(n->from, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
	s->pages++;
}

static void *worker(void *arg)
{
	struct service *s = arg;

	for (;;) {
		struct node *n = queue_get(&s->q);

		switch (n->msg.event) {
		case UFFD_EVENT_PAGEFAULT:
			fill(s, n);
			break;
		case UFFD_EVENT_FORK:
			s->children++; /* short-lived helpers, nothing to serve */
			close(n->msg.arg.fork.ufd);
			break;
		}
		free(n);
	}
	return NULL;
}

int main(void)
{
	static struct service s;
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t r, w;
	char *mem;
	int i;

	s.pagesize = sysconf(_SC_PAGESIZE);
	queue_init(&s.q);
	mem = mmap(NULL, 4 * s.pagesize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	s.uffd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (mem == MAP_FAILED || s.uffd < 0 || ioctl(s.uffd, UFFDIO_API, &api) < 0) {
		perror("setup");
		return 1;
	}
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4 * s.pagesize;
	if (ioctl(s.uffd, UFFDIO_REGISTER, &reg) < 0) {
		perror("register");
		return 1;
	}
	if (pthread_create(&r, NULL, reader, &s) || pthread_create(&w, NULL, worker, &s))
		return 1;
	mem[0] = 'a';
	for (i = 0; i < 3; i++) {
		pid_t p = fork();

		if (p == 0)
			_exit(mem[0] != 'a');
		if (p > 0)
			waitpid(p, NULL, 0);
	}
	printf("%lu pages %lu children\n", s.pages, s.children);
	return 0;
}
