// style: one thread for each child, and a flag that says whether the handshake is done
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
static char *map(size_t n)
{
	char *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return p;
}
static int arm(int fd, void *p, size_t n)
{
	struct uffdio_register reg = { .range = { (uintptr_t)p, n }, .mode = UFFDIO_REGISTER_MODE_MISSING };

	return ioctl(fd, UFFDIO_REGISTER, &reg) < 0 ? -errno : 0;
}
static void zero(int fd, uint64_t a)
{
	struct uffdio_zeropage z = { .range = { a & ~4095ull, 4096 } };

	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
}
struct up { int fd; unsigned ready:1, child:1; };
static struct up *up_new(int fd, int child)
{
	struct up *u;
	int ret = -ENOMEM;

	u = calloc(1, sizeof *u);
	if (u == NULL)
		return NULL;
	u->fd = fd;
	u->ready = child;
	u->child = child;
	ret = 0;
	(void)ret;
	return u;
}
static int up_ready(struct up *u)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };

	if (u->ready)
		return 0;
	if (ioctl(u->fd, UFFDIO_API, &api) < 0) // expect: repeated-handshake
		return -errno;
	u->ready = 1;
	return 0;
}
static void *run(void *v)
{
	struct up *u = v, *k;
	struct uffd_msg m;

	for (;;) {
		if (read(u->fd, &m, sizeof m) != sizeof m)
			continue;
		if (m.event == UFFD_EVENT_PAGEFAULT)
			zero(u->fd, m.arg.pagefault.address);
		if (m.event == UFFD_EVENT_FORK) {
			pthread_t t;

			if (!(k = up_new(m.arg.fork.ufd, 0))) {
				close(m.arg.fork.ufd);
				continue;
			}
			if (up_ready(k) || pthread_create(&t, NULL, run, k)) {
				close(k->fd);
				free(k);
			}
		}
	}
	return NULL;
}
int main(void)
{
	struct up *u;
	char *p = map(4096);
	pthread_t t;
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd < 0 || !(u = up_new(fd, 0)) || up_ready(u) || arm(u->fd, p, 4096) || pthread_create(&t, NULL, run, u))
		return 1;
	if (fork() == 0)
		_exit(*p);
	return 0;
}
