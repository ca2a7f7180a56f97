// style: one thread for each child, which gets the descriptor as a number in its argument
// observe: uffd-left 2
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_SERVERS 8

static size_t page;
static int stop[2];
static pthread_t servers[MAX_SERVERS];
static int server_count;

static int resolve(int fd, uint64_t address)
{
	struct uffdio_zeropage z = { .range = { address & ~(page - 1), page } };

	return ioctl(fd, UFFDIO_ZEROPAGE, &z) && errno != EEXIST ? -1 : 0;
}

static void *serve(void *arg)
{
	int fd = (intptr_t)arg;
	struct pollfd fds[] = { { fd, POLLIN, 0 }, { stop[0], POLLIN, 0 } };
	struct uffd_msg msg;

	while (poll(fds, 2, -1) > 0) {
		if (fds[1].revents)
			return NULL; // expect: leaked-child-uffd
		if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_PAGEFAULT && resolve(fd, msg.arg.pagefault.address))
			break;
		if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd); /* grandchildren see zeros, which is what they would get */
	}
	close(fd);
	return NULL;
}

static void *monitor(void *arg)
{
	int fd = *(int *)arg;
	struct pollfd fds[] = { { fd, POLLIN, 0 }, { stop[0], POLLIN, 0 } };
	struct uffd_msg msg;

	while (poll(fds, 2, -1) > 0 && !fds[1].revents) {
		if (read(fd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		switch (msg.event) {
		case UFFD_EVENT_PAGEFAULT:
			resolve(fd, msg.arg.pagefault.address);
			break;
		case UFFD_EVENT_FORK:
			if (server_count == MAX_SERVERS ||
			    pthread_create(&servers[server_count], NULL, serve, (void *)(intptr_t)msg.arg.fork.ufd))
				close(msg.arg.fork.ufd);
			else
				server_count++;
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
	char *mem;
	int fd;

	page = sysconf(_SC_PAGESIZE);
	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || pipe(stop))
		err(1, "userfaultfd");
	mem = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	reg.range.start = (uintptr_t)mem;
	reg.range.len = 2 * page;
	if (mem == MAP_FAILED || ioctl(fd, UFFDIO_REGISTER, &reg))
		err(1, "UFFDIO_REGISTER");
	if (pthread_create(&thread, NULL, monitor, &fd))
		errx(1, "pthread_create");
	mem[0] = 1;
	if (fork() == 0)
		_exit(mem[page]);
	wait(NULL);
	close(stop[1]);
	pthread_join(thread, NULL);
	for (int i = 0; i < server_count; i++)
		pthread_join(servers[i], NULL);
	return 0;
}
