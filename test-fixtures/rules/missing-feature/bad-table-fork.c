// style: dispatch table of handlers that take the descriptor and the message
// observe: uffd-left 1
// observe: output forks seen: 0
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int uffd, quit[2], forks;
static size_t page;

static void on_fault(int fd, struct uffd_msg *msg)
{
	struct uffdio_zeropage z = {
		.range = { msg->arg.pagefault.address & ~(page - 1), page },
	};

	if (ioctl(fd, UFFDIO_ZEROPAGE, &z))
		ioctl(fd, UFFDIO_WAKE, &z.range);
}

static void on_fork(int fd, struct uffd_msg *msg)
{
	forks++;
	close(msg->arg.fork.ufd);
}

static const struct {
	__u8 event;
	void (*fn)(int fd, struct uffd_msg *msg);
} table[] = {
	{ UFFD_EVENT_PAGEFAULT, on_fault },
	{ UFFD_EVENT_FORK, on_fork }, // expect: missing-feature
};

static void *monitor(void *arg)
{
	struct pollfd fds[] = { { uffd, POLLIN, 0 }, { quit[0], POLLIN, 0 } };
	struct uffd_msg msg;

	while (poll(fds, 2, -1) >= 0 && !fds[1].revents) {
		if (read(uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
			if (table[i].event == msg.event)
				table[i].fn(uffd, &msg);
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	pthread_t tid;

	page = sysconf(_SC_PAGESIZE);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || pipe(quit))
		err(1, "userfaultfd");

	char *mem = mmap(NULL, 4 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct uffdio_register reg = {
		.range = { (unsigned long)mem, 4 * page },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	if (mem == MAP_FAILED || ioctl(uffd, UFFDIO_REGISTER, &reg))
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&tid, NULL, monitor, NULL))
		errx(1, "pthread_create");
	mem[page] = 1;
	if (fork() == 0)
		_exit(mem[page] - 1);
	wait(NULL);
	close(quit[1]);
	pthread_join(tid, NULL);
	printf("forks seen: %d\n", forks);
	return 0;
}
