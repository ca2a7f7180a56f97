// style: requests inside assert(); the FORK event is handled but was not requested
// observe: output child reads 0
#undef NDEBUG
#define _GNU_SOURCE
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PAGES = 4 };

static struct pollfd watch[2];
static char pattern[65536];
static size_t page;

static void give(int fd, uint64_t address)
{
	struct uffdio_copy copy = {
		.dst = address - address % page,
		.src = (uintptr_t)pattern,
		.len = page,
	};
	int rc = ioctl(fd, UFFDIO_COPY, &copy);

	assert(rc == 0 || errno == EAGAIN || errno == EEXIST || errno == ESRCH);
}

static void *serve(void *arg)
{
	struct uffd_msg msg;
	int i;

	while (poll(watch, 2, -1) > 0) {
		for (i = 0; i < 2; i++) {
			if (watch[i].fd < 0 || !(watch[i].revents & POLLIN))
				continue;
			if (read(watch[i].fd, &msg, sizeof(msg)) != sizeof(msg))
				continue;
			switch (msg.event) {
			case UFFD_EVENT_PAGEFAULT:
				give(watch[i].fd, msg.arg.pagefault.address);
				break;
			case UFFD_EVENT_FORK: // expect: missing-feature
				if (watch[1].fd >= 0)
					close(watch[1].fd);
				watch[1].fd = msg.arg.fork.ufd;
				watch[1].events = POLLIN;
				break;
			}
		}
	}
	return arg;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;
	int status;
	char *data;
	pid_t pid;

	page = sysconf(_SC_PAGESIZE);
	memset(pattern, 7, sizeof(pattern));
	watch[1].fd = -1;
	assert((watch[0].fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK)) >= 0);
	watch[0].events = POLLIN;
	assert(ioctl(watch[0].fd, UFFDIO_API, &api) == 0);
	assert((data = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)) != MAP_FAILED);
	reg.range.start = (uintptr_t)data;
	reg.range.len = PAGES * page;
	assert(!ioctl(watch[0].fd, UFFDIO_REGISTER, &reg));
	assert(!pthread_create(&thread, NULL, serve, NULL));
	assert(data[0] == 7);
	assert((pid = fork()) >= 0);
	if (pid == 0)
		_exit(data[page]);
	assert(waitpid(pid, &status, 0) == pid);
	printf("child reads %d\n", WEXITSTATUS(status));
	return 0;
}
