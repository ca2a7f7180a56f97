// style: the monitor sends the child's number to a sibling thread through a socket, by an iovec
#define _GNU_SOURCE
#include <err.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <fcntl.h>

static int pair[2];

static void post(int to, int number)
{
	struct iovec part;
	struct msghdr letter;

	memset(&letter, 0, sizeof(letter));
	part.iov_base = &number;
	part.iov_len = sizeof(number);
	letter.msg_iov = &part;
	letter.msg_iovlen = 1;
	if (sendmsg(to, &letter, 0) != (ssize_t)sizeof(number))
		err(1, "sendmsg");
}

static void *clerk(void *arg)
{
	int number;

	while (recv(pair[1], &number, sizeof(number), 0) == (ssize_t)sizeof(number))
		close(number);
	return arg;
}

static void *monitor(void *arg)
{
	int uffd = (int)(intptr_t)arg;
	struct uffd_msg msg;

	while (read(uffd, &msg, sizeof(msg)) == (ssize_t)sizeof(msg))
		if (msg.event == UFFD_EVENT_FORK)
			post(pair[0], (int)msg.arg.fork.ufd);
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	size_t size = sysconf(_SC_PAGESIZE);
	int uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	pthread_t threads[2];
	void *area;

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0)
		err(1, "userfaultfd");
	area = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (area == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) < 0)
		err(1, "area");
	reg.range.start = (uintptr_t)area;
	reg.range.len = size;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&threads[0], NULL, clerk, NULL) ||
	    pthread_create(&threads[1], NULL, monitor, (void *)(intptr_t)uffd))
		errx(1, "pthread_create");
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	usleep(20000);
	return 0;
}
