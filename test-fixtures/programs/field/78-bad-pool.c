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

/* dense style; every process of the tree has its own reader thread from a
 * fixed pool that was started before the first fork */
enum { POOL = 12 };

static struct slot { pthread_t t; int fd; int used; pthread_mutex_t m; pthread_cond_t c; } pool[POOL];
static size_t psz;
static char *tmpl;

static int copy_in(int fd, uint64_t a)
{
	struct uffdio_copy c = { .dst = a & ~(psz - 1ull), .src = (uintptr_t)tmpl, .len = psz };
	int r;
	do r = ioctl(fd, UFFDIO_COPY, &c); while (r && errno == EAGAIN);
	return r && errno != EEXIST && errno != ESRCH ? -1 : 0;
}

static int assign(int fd)
{
	for (struct slot *s = pool; s < pool + POOL; s++) {
		pthread_mutex_lock(&s->m);
		if (!s->used) {
			s->used = 1, s->fd = fd;
			pthread_cond_signal(&s->c);
			pthread_mutex_unlock(&s->m);
			return 0;
		}
		pthread_mutex_unlock(&s->m);
	}
	return -1; // expect: leaked-child-uffd
}

static void *pool_main(void *arg)
{
	struct slot *s = arg;
	struct uffd_msg m;
	int fd;

	pthread_mutex_lock(&s->m);
	while (!s->used)
		pthread_cond_wait(&s->c, &s->m);
	fd = s->fd;
	pthread_mutex_unlock(&s->m);
	while (read(fd, &m, sizeof m) == sizeof m) {
		int rc = m.event == UFFD_EVENT_PAGEFAULT ? copy_in(fd, m.arg.pagefault.address)
		       : m.event == UFFD_EVENT_FORK ? assign(m.arg.fork.ufd)
		       : 0;
		if (rc)
			write(2, "pager: trouble\n", 15) < 0 ? abort() : (void)0;
	}
	return close(fd), NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *mem;
	int fd, st, bad = 0;

	psz = sysconf(_SC_PAGESIZE);
	for (int i = 0; i < POOL; i++) {
		pthread_mutex_init(&pool[i].m, NULL);
		pthread_cond_init(&pool[i].c, NULL);
		if (pthread_create(&pool[i].t, NULL, pool_main, &pool[i]))
			return 1;
	}
	if (!(tmpl = aligned_alloc(psz, psz)) ||
	    (mem = mmap(NULL, 4 * psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) == MAP_FAILED)
		return 1;
	memset(tmpl, '?', psz);
	if ((fd = syscall(SYS_userfaultfd, O_CLOEXEC)) < 0 || ioctl(fd, UFFDIO_API, &api))
		return perror("userfaultfd"), 1;
	reg.range = (struct uffdio_range){ (uintptr_t)mem, 4 * psz };
	if (ioctl(fd, UFFDIO_REGISTER, &reg) || assign(fd))
		return perror("register"), 1;
	for (int i = 0; i < 4; i++) {
		pid_t pid = fork();
		pid ? (void)0 : _exit(mem[i * psz] != '?');
		bad += pid < 0 || waitpid(pid, &st, 0) < 0 || st;
	}
	printf("bad %d\n", bad);
	return bad;
}
