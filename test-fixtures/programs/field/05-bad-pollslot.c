/*
 * sandbox-pager: one poll loop in the main thread; the guest runs in a
 * second thread which forks workers.  Slot 0 is the exit pipe, 1 the guest,
 * 2.. are the workers.
 */
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define die(...) do { fprintf(stderr, __VA_ARGS__); fputc('\n', stderr); exit(1); } while (0)

enum { SLOT_EXIT, SLOT_GUEST, SLOT_WORKER, NSLOTS };

static long pgsz;
static char *guest_mem;
static const size_t guest_pages = 32;
static char *image;
static int exit_pipe[2];

static void *guest_main(void *unused)
{
	int i;

	(void)unused;
	for (i = 0; i < 3; i++) {
		pid_t w = fork();

		if (w < 0)
			die("fork: %s", strerror(errno));
		if (w == 0)
			_exit(guest_mem[(4 + i) * pgsz] == '#' ? 0 : 1);
		int st;
		if (waitpid(w, &st, 0) != w || st)
			die("worker %d failed: %#x", i, st);
	}
	close(exit_pipe[1]);
	return NULL;
}

static void fill(int fd, unsigned long long addr)
{
	struct uffdio_copy cp;

	memset(&cp, 0, sizeof cp);
	cp.dst = addr & -pgsz;
	cp.src = (unsigned long)image;
	cp.len = pgsz;
again:
	if (ioctl(fd, UFFDIO_COPY, &cp) == 0)
		return;
	if (errno == EAGAIN)
		goto again;
	if (errno != EEXIST && errno != ESRCH)
		die("copy: %s", strerror(errno));
}

static int serve(void)
{
	struct pollfd pfd[NSLOTS];
	int n, i;

	for (i = 0; i < NSLOTS; i++) {
		pfd[i].fd = -1;
		pfd[i].events = POLLIN;
	}
	pfd[SLOT_EXIT].fd = exit_pipe[0];
	pfd[SLOT_GUEST].fd = syscall(__NR_userfaultfd, O_NONBLOCK | O_CLOEXEC);
	if (pfd[SLOT_GUEST].fd == -1)
		die("userfaultfd: %s", strerror(errno));

	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	if (ioctl(pfd[SLOT_GUEST].fd, UFFDIO_API, &api) == -1)
		die("api: %s", strerror(errno));
	struct uffdio_register reg = {
		.range = { (unsigned long)guest_mem, guest_pages * pgsz },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	if (ioctl(pfd[SLOT_GUEST].fd, UFFDIO_REGISTER, &reg) == -1)
		die("register: %s", strerror(errno));

	pthread_t t;
	if (pthread_create(&t, NULL, guest_main, NULL))
		die("thread");

	for (;;) {
		n = poll(pfd, NSLOTS, -1);
		if (n < 0) {
			if (errno == EINTR)
				continue;
			die("poll: %s", strerror(errno));
		}
		if (pfd[SLOT_EXIT].revents)
			break;
		for (i = SLOT_GUEST; i < NSLOTS; i++) {
			struct uffd_msg m;

			if (!(pfd[i].revents & POLLIN))
				continue;
			if (read(pfd[i].fd, &m, sizeof m) != sizeof m)
				continue;
			if (m.event == UFFD_EVENT_PAGEFAULT) {
				fill(pfd[i].fd, m.arg.pagefault.address);
			} else if (m.event == UFFD_EVENT_FORK) {
				/* workers run one after the other */
				pfd[SLOT_WORKER].fd = m.arg.fork.ufd; // expect: overwritten-parent-uffd
			}
		}
	}
	pthread_join(t, NULL);
	for (i = SLOT_GUEST; i < NSLOTS; i++)
		if (pfd[i].fd != -1)
			close(pfd[i].fd);
	return 0;
}

int main(void)
{
	pgsz = sysconf(_SC_PAGESIZE);
	guest_mem = mmap(NULL, guest_pages * pgsz, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert(guest_mem != MAP_FAILED);
	image = aligned_alloc(pgsz, pgsz);
	assert(image);
	memset(image, '#', pgsz);
	if (pipe(exit_pipe) < 0)
		die("pipe: %s", strerror(errno));
	return serve();
}
