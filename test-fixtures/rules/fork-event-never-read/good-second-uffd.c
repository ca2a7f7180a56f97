// style: kernel selftest with err(); one uffd per pool, and a reader for each
// observe: uffd-left 2
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define err(what) do { perror(what); exit(1); } while (0)

struct pool {
	int uffd;
	char *mem;
	pthread_t reader;
};

static struct pool code, data;
static size_t page_size;
static int quit[2];

static void pool_init(struct pool *p)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	p->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (p->uffd < 0 || ioctl(p->uffd, UFFDIO_API, &api))
		err("userfaultfd");
	p->mem = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->mem == MAP_FAILED)
		err("mmap");
	reg.range.start = (unsigned long)p->mem;
	reg.range.len = page_size;
	if (ioctl(p->uffd, UFFDIO_REGISTER, &reg))
		err("UFFDIO_REGISTER");
}

static void *reader(void *arg)
{
	struct pool *p = arg;
	struct pollfd fds[2] = { { p->uffd, POLLIN, 0 }, { quit[0], POLLIN, 0 } };
	struct uffdio_zeropage z = { .range.len = page_size };
	struct uffd_msg msg;

	while (poll(fds, 2, -1) >= 0 && !fds[1].revents) {
		if (read(p->uffd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		if (msg.event == UFFD_EVENT_FORK) {
			close(msg.arg.fork.ufd);
		} else if (msg.event == UFFD_EVENT_PAGEFAULT) {
			z.range.start = msg.arg.pagefault.address & ~(page_size - 1);
			if (ioctl(p->uffd, UFFDIO_ZEROPAGE, &z))
				ioctl(p->uffd, UFFDIO_WAKE, &z.range);
		}
	}
	return NULL;
}

int main(void)
{
	page_size = sysconf(_SC_PAGESIZE);
	if (pipe(quit))
		err("pipe");
	pool_init(&code);
	pool_init(&data);
	if (pthread_create(&code.reader, NULL, reader, &code))
		err("pthread_create");
	if (pthread_create(&data.reader, NULL, reader, &data))
		err("pthread_create");
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	close(quit[1]);
	pthread_join(code.reader, NULL);
	pthread_join(data.reader, NULL);
	return 0;
}
