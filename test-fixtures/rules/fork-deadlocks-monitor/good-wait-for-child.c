// style: the reader serves the child's page fault and then waits for its end
// observe: output child is done
// observe: uffd-left 1
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static size_t page_size;
static int uffd = -1;
static int pids[2];

static void zero(int fd, uint64_t address)
{
	struct uffdio_zeropage z = {
		.range = { .start = address & ~(page_size - 1), .len = page_size },
	};

	while (ioctl(fd, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
		;
}

/* Serves the faults of one child, of which there is at most one. */
static void serve_child(int fd)
{
	struct uffd_msg msg;
	pid_t pid;

	if (read(pids[0], &pid, sizeof(pid)) != sizeof(pid))
		err(1, "pipe");
	if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
		err(1, "read");
	if (msg.event == UFFD_EVENT_FORK)
		close(msg.arg.fork.ufd);
	else if (msg.event == UFFD_EVENT_PAGEFAULT)
		zero(fd, msg.arg.pagefault.address);
	if (waitpid(pid, NULL, 0) < 0)
		err(1, "waitpid");
	close(fd);
}

static void *reader(void *unused)
{
	struct uffd_msg msg;

	(void)unused;
	if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
		err(1, "read");
	switch (msg.event) {
	case UFFD_EVENT_FORK:
		serve_child(msg.arg.fork.ufd);
		break;
	case UFFD_EVENT_PAGEFAULT:
		zero(uffd, msg.arg.pagefault.address);
		break;
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;
	char *mem;
	pid_t pid;

	page_size = sysconf(_SC_PAGESIZE);
	mem = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED || pipe2(pids, O_CLOEXEC) < 0)
		err(1, "setup");
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (uffd < 0)
		err(1, "userfaultfd");
	if (ioctl(uffd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	reg.range.start = (uintptr_t)mem;
	reg.range.len = page_size;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, reader, NULL))
		errx(1, "pthread_create");
	pid = fork();
	if (pid < 0)
		err(1, "fork");
	if (pid == 0)
		_exit(mem[0]);
	if (write(pids[1], &pid, sizeof(pid)) != sizeof(pid))
		err(1, "write");
	pthread_join(thread, NULL);
	printf("child is done\n");
	return 0;
}
