#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

/* The main thread is the pager; a "script" thread does what a user would do. */

struct script {
	char *mem;
	size_t psz;
	int done_pipe[2];
	int status;
};

struct pager {
	int fd;
	size_t psz;
	unsigned served, births;
};

static void *script_main(void *arg)
{
	struct script *sc = arg;
	pid_t pid;

	sc->mem[0] = 's';
	pid = fork();
	if (pid == -1)
		err(1, "fork");
	if (pid == 0)
		_exit(sc->mem[0] == 's' ? 42 : 1);
	if (waitpid(pid, &sc->status, 0) == -1)
		err(1, "waitpid");
	return sc;
}

static void pager_open(struct pager *p, void *mem, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = {
		.range = { (uintptr_t)mem, len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	p->psz = sysconf(_SC_PAGESIZE);
	p->fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->fd == -1)
		err(1, "userfaultfd");
	if (ioctl(p->fd, UFFDIO_API, &api) == -1)
		err(1, "UFFDIO_API");
	if (ioctl(p->fd, UFFDIO_REGISTER, &reg) == -1)
		err(1, "UFFDIO_REGISTER");
}

/* Takes everything that is queued; returns the number of messages. */
static int pager_drain(struct pager *p)
{
	struct uffd_msg msg;
	int n = 0;

	while (read(p->fd, &msg, sizeof(msg)) == sizeof(msg)) {
		n++;
		if (msg.event == UFFD_EVENT_PAGEFAULT) {
			struct uffdio_zeropage z = {
				.range = { msg.arg.pagefault.address & ~(uint64_t)(p->psz - 1), p->psz },
			};

			if (ioctl(p->fd, UFFDIO_ZEROPAGE, &z) == 0)
				p->served++;
		} else if (msg.event == UFFD_EVENT_FORK) {
			p->births++;
			close((int)msg.arg.fork.ufd);
		}
	}
	if (errno != EAGAIN)
		err(1, "read");
	return n;
}

int main(void)
{
	struct script sc;
	struct pager pg;
	pthread_t t;

	memset(&sc, 0, sizeof(sc));
	memset(&pg, 0, sizeof(pg));
	sc.psz = sysconf(_SC_PAGESIZE);
	sc.mem = mmap(NULL, 4 * sc.psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sc.mem == MAP_FAILED)
		err(1, "mmap");
	sc.mem[0] = 0; /* the first page is there before anything is armed */
	pager_open(&pg, sc.mem, 4 * sc.psz);
	if ((errno = pthread_create(&t, NULL, script_main, &sc)) != 0)
		err(1, "pthread_create");
	while (pg.births == 0)
		if (pager_drain(&pg) == 0)
			usleep(1000);
	pthread_join(t, NULL);
	printf("served %u, births %u, child %d\n", pg.served, pg.births, WEXITSTATUS(sc.status));
	return 0;
}
