// style: a tracker of writes, with a child that saves a snapshot
// observe: output saved state
// observe: output writes seen 0
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct tracker {
	int uffd;
	char *pages;
	size_t size;
};

static void protect(struct tracker *t)
{
	struct uffdio_register reg = {
		.range = { .start = (uintptr_t)t->pages, .len = t->size },
		.mode = UFFDIO_REGISTER_MODE_WP,
	};
	struct uffdio_writeprotect wp = {
		.range = reg.range,
		.mode = UFFDIO_WRITEPROTECT_MODE_WP,
	};

	if (ioctl(t->uffd, UFFDIO_REGISTER, &reg) < 0)
		err(1, "UFFDIO_REGISTER");
	if (ioctl(t->uffd, UFFDIO_WRITEPROTECT, &wp) < 0)
		err(1, "UFFDIO_WRITEPROTECT");
}

static int writes_seen(struct tracker *t)
{
	struct pollfd p = { .fd = t->uffd, .events = POLLIN };
	struct uffd_msg msg;
	int seen = 0;

	while (poll(&p, 1, 300) > 0) {
		if (read(t->uffd, &msg, sizeof(msg)) != sizeof(msg))
			break;
		if (msg.event == UFFD_EVENT_PAGEFAULT && (msg.arg.pagefault.flags & UFFD_PAGEFAULT_FLAG_WP))
			seen++;
	}
	return seen;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
	struct tracker t = { .size = sysconf(_SC_PAGESIZE) };
	pid_t worker;

	t.pages = mmap(NULL, t.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (t.pages == MAP_FAILED)
		err(1, "mmap");
	strcpy(t.pages, "state");
	t.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (t.uffd < 0)
		err(1, "userfaultfd");
	if (ioctl(t.uffd, UFFDIO_API, &api) < 0)
		err(1, "UFFDIO_API");
	protect(&t);
	worker = fork();
	if (worker < 0)
		err(1, "fork");
	if (worker == 0) {
		printf("saved %s\n", t.pages);
		fflush(stdout);
		_exit(0);
	}
	printf("writes seen %d\n", writes_seen(&t));
	waitpid(worker, NULL, 0);
	return 0;
}
