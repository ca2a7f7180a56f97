// style: how much of a message came is looked at by offsets
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static long page;

static void *pager(void *arg)
{
	int fd = (int)(intptr_t)arg;
	_Atomic(int) forks = 0;
	struct uffd_msg msg;

	for (;;) {
		ssize_t n = read(fd, &msg, sizeof(msg));

		if (n < 0) {
			if (errno == EINTR)
				continue;
			err(1, "read");
		}
		if ((size_t)n < offsetof(struct uffd_msg, arg.remove.end))
			continue;
		switch (msg.event) {
		case UFFD_EVENT_PAGEFAULT: {
			struct uffdio_zeropage z = {
				.range = { msg.arg.pagefault.address & ~(page - 1), page },
			};

			if (ioctl(fd, UFFDIO_ZEROPAGE, &z) && errno != EEXIST)
				err(1, "UFFDIO_ZEROPAGE");
			break;
		}
		case UFFD_EVENT_FORK:
			forks++;
			close((int)msg.arg.fork.ufd);
			break;
		}
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;
	char *area;
	int fd;
	pid_t pid;

	page = sysconf(_SC_PAGESIZE);
	fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		err(1, "userfaultfd");
	area = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED)
		err(1, "mmap");
	reg.range.start = (uintptr_t)area;
	reg.range.len = page;
	if (ioctl(fd, UFFDIO_REGISTER, &reg))
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, pager, (void *)(intptr_t)fd))
		err(1, "pthread_create");
	area[0] = 1;
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return 0;
}
