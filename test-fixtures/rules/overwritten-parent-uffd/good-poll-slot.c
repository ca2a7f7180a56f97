// style: the descriptors live only in pollfd slots; a child gets a slot of its own
// observe: uffd-left 2
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

enum { UFFD, QUIT, NSLOTS = QUIT + 8 };

static struct pollfd slot[NSLOTS];
static int nslots = QUIT + 1;
static size_t page;

static void *monitor(void *arg)
{
	struct uffdio_zeropage zero = { .range.len = page };
	struct uffd_msg msg;

	for (;;) {
		if (poll(slot, nslots, -1) < 0)
			continue;
		if (slot[QUIT].revents)
			break;
		for (int i = 0; i < nslots; i++) {
			if (i == QUIT || !(slot[i].revents & POLLIN))
				continue;
			if (read(slot[i].fd, &msg, sizeof(msg)) != sizeof(msg))
				continue;
			switch (msg.event) {
			case UFFD_EVENT_PAGEFAULT:
				zero.range.start = msg.arg.pagefault.address & ~(page - 1);
				if (ioctl(slot[i].fd, UFFDIO_ZEROPAGE, &zero))
					ioctl(slot[i].fd, UFFDIO_WAKE, &zero.range);
				break;
			case UFFD_EVENT_FORK:
				if (nslots == NSLOTS)
					errx(1, "too many children");
				slot[nslots].fd = msg.arg.fork.ufd;
				slot[nslots].events = POLLIN;
				slot[nslots].revents = 0;
				nslots++;
				break;
			}
		}
	}
	return NULL;
}

static void arm(void)
{
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *mem = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mem == MAP_FAILED)
		err(1, "mmap");
	reg.range.start = (unsigned long)mem;
	reg.range.len = page;
	if (ioctl(slot[UFFD].fd, UFFDIO_REGISTER, &reg))
		err(1, "UFFDIO_REGISTER");
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int quit[2], status;
	pthread_t thread;

	page = sysconf(_SC_PAGESIZE);
	if (pipe(quit))
		err(1, "pipe");
	slot[QUIT] = (struct pollfd){ .fd = quit[0], .events = POLLIN };
	slot[UFFD].fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	slot[UFFD].events = POLLIN;
	if (slot[UFFD].fd < 0 || ioctl(slot[UFFD].fd, UFFDIO_API, &api))
		err(1, "userfaultfd");
	arm();
	if (pthread_create(&thread, NULL, monitor, NULL))
		errx(1, "pthread_create");

	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		err(1, "fork");
	close(quit[1]);
	pthread_join(thread, NULL);
	return 0;
}
