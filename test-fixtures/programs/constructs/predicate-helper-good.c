// style: small predicates and accessors over the message; the accessor's result is kept
// observe: uffd-left 2
// observe: output 1 children
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

typedef struct uffd_msg Message;

typedef struct {
	int fds[8];
	unsigned count;
} Children;

typedef struct {
	int fd;
	size_t page_size;
	mtx_t lock;
	Children children;
	int limit;
	unsigned above_limit;
} Pager;

static inline bool message_is(const Message *message, uint8_t event)
{
	return message->event == event;
}

static inline int message_child(const Message *message) { return (int)message->arg.fork.ufd; }
static inline uint64_t message_page(const Message *message, size_t size)
{
	return message->arg.pagefault.address & ~(uint64_t)(size - 1);
}

static bool pager_receive(const Pager *self, Message *out)
{
	ssize_t n;

	do
		n = read(self->fd, out, sizeof *out);
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof *out;
}

static void pager_fork(Pager *self, const Message *message)
{
	mtx_lock(&self->lock);
	if (message_child(message) >= self->limit)
		self->above_limit++;
	if (self->children.count < 8)
		self->children.fds[self->children.count++] = message_child(message);
	else
		close(message_child(message));
	mtx_unlock(&self->lock);
}

static int pager_main(void *argument)
{
	Pager *self = argument;
	Message message;

	while (pager_receive(self, &message)) {
		if (message_is(&message, UFFD_EVENT_FORK)) {
			pager_fork(self, &message);
		} else if (message_is(&message, UFFD_EVENT_PAGEFAULT)) {
			struct uffdio_zeropage zero = {
				.range = { message_page(&message, self->page_size), self->page_size },
			};

			(void)!ioctl(self->fd, UFFDIO_ZEROPAGE, &zero);
		}
	}
	return 0;
}

int main(void)
{
	static Pager pager;
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	char *memory;
	thrd_t thread;
	pid_t pid;

	pager.page_size = sysconf(_SC_PAGESIZE);
	pager.limit = sysconf(_SC_OPEN_MAX) / 2;
	pager.fd = syscall(SYS_userfaultfd, O_CLOEXEC);
	memory = mmap(NULL, 4 * pager.page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (pager.fd < 0 || memory == MAP_FAILED || mtx_init(&pager.lock, mtx_plain) != thrd_success)
		return 1;
	if (ioctl(pager.fd, UFFDIO_API, &api) != 0)
		return 1;
	reg.range.start = (uintptr_t)memory;
	reg.range.len = 4 * pager.page_size;
	if (ioctl(pager.fd, UFFDIO_REGISTER, &reg) != 0)
		return 1;
	if (thrd_create(&thread, pager_main, &pager) != thrd_success)
		return 1;
	memory[0] = 1;
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	usleep(20000); /* the pager may still be at it */
	printf("%u children\n", pager.children.count);
	return 0;
}
