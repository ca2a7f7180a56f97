// style: perror(), exit() in one comma expression; the reader is started when the worker is already there
// observe: fork-blocked
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef __NR_userfaultfd
#define __NR_userfaultfd 323
#endif

int fd;
char *p;
unsigned long ps;

void *fill(void *arg)
{
	struct uffd_msg m;
	struct uffdio_copy c;
	static char src[65536];

	src[0] = 'F';
	for (;;) {
		if (read(fd, &m, sizeof m) <= 0)
			perror("read"), exit(1);
		if (m.event == UFFD_EVENT_FORK) {
			close(m.arg.fork.ufd);
			continue;
		}
		if (m.event != UFFD_EVENT_PAGEFAULT)
			fprintf(stderr, "event %d?\n", m.event), exit(1);
		c.dst = m.arg.pagefault.address / ps * ps;
		c.src = (unsigned long)src;
		c.len = ps;
		c.mode = 0;
		while (ioctl(fd, UFFDIO_COPY, &c) < 0)
			if (errno != EAGAIN)
				perror("copy"), exit(1);
	}
	return arg;
}

int main(void)
{
	struct uffdio_api a = { UFFD_API, UFFD_FEATURE_EVENT_FORK, 0 };
	struct uffdio_register r;
	pthread_t t;
	pid_t kid;
	int status;

	ps = sysconf(_SC_PAGESIZE);
	if ((fd = syscall(__NR_userfaultfd, O_CLOEXEC)) < 0)
		perror("userfaultfd"), exit(1);
	ioctl(fd, UFFDIO_API, &a) < 0 ? perror("api"), exit(1) : (void)0;
	if ((p = mmap(0, 2 * ps, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) == MAP_FAILED)
		perror("mmap"), exit(1);
	r.range.start = (unsigned long)p, r.range.len = 2 * ps, r.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(fd, UFFDIO_REGISTER, &r) < 0)
		perror("register"), exit(1);
	if ((kid = fork()) < 0) // expect: fork-event-never-read
		perror("fork"), exit(1);
	if (kid == 0)
		usleep(1000), _exit(0);
	if (pthread_create(&t, 0, fill, 0))
		fputs("no thread\n", stderr), exit(1);
	putchar(*p), putchar('\n');
	waitpid(kid, &status, 0);
	return WEXITSTATUS(status);
}
