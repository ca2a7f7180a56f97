// style: children in a vector that grows, and a log that is silent below a level
#include <fcntl.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

struct ivec {
	int *v;
	size_t len, cap;
};

static struct ivec kids;
static int uffd;

static int threshold;

static void log_at(int level, const char *text, ...)
{
	if (level < threshold)
		return;
	fputs(text, stderr);
}

static void ivec_push(struct ivec *iv, int x)
{
	if (iv->len == iv->cap) {
		size_t cap = iv->cap ? 2 * iv->cap : 8;
		int *v = realloc(iv->v, cap * sizeof(*v));

		if (!v) {
			log_at(3, "no memory\n");
			close(x);
			return;
		}
		iv->v = v;
		iv->cap = cap;
	}
	iv->v[iv->len++] = x;
}

static void *reader(void *arg)
{
	struct uffd_msg m;

	(void)arg;
	while (read(uffd, &m, sizeof(m)) == sizeof(m))
		if (m.event == UFFD_EVENT_FORK)
			log_at(1, "fork %d\n", m.arg.fork.ufd), ivec_push(&kids, m.arg.fork.ufd);
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;
	if (getenv("VERBOSE"))
		threshold = atoi(getenv("VERBOSE"));
	char *mem;

	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0)
		return 1;
	mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 4096;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
		return 1;
	if (pthread_create(&t, NULL, reader, NULL))
		return 1;
	if (fork() == 0)
		_exit(0);
	wait(NULL);
	return 0;
}
