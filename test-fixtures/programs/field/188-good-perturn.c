// style: two readers of one userfaultfd, started by a loop: while one of them forks the other one reads
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LANES 2

struct lane {
	int may_fork;
	pthread_t reader;
};

static struct lane lanes[LANES];
static size_t page;
static int uffd;
static char *memory;

static void resolve(__u64 address)
{
	struct uffdio_zeropage zero = { .range = { address & ~(__u64)(page - 1), page } };

	while (ioctl(uffd, UFFDIO_ZEROPAGE, &zero))
		;
}

static void *serve(void *arg)
{
	struct lane *lane = arg;
	struct uffd_msg msg;

	while (read(uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event == UFFD_EVENT_FORK) {
			close(msg.arg.fork.ufd);
			continue;
		}
		if (lane->may_fork) {
			pid_t pid = fork();

			if (pid == 0)
				_exit(0);
			waitpid(pid, NULL, 0);
		}
		resolve(msg.arg.pagefault.address);
	}
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	page = (size_t)sysconf(_SC_PAGESIZE);
	memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (memory == MAP_FAILED || uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	reg.range.start = (uintptr_t)memory;
	reg.range.len = page;
	if (ioctl(uffd, UFFDIO_REGISTER, &reg))
		return 1;
	for (int i = 0; i < LANES; i++) {
		struct lane *lane = &lanes[i];

		lane->may_fork = i == 0;
		if (pthread_create(&lane->reader, NULL, serve, lane))
			return 1;
	}
	return memory[0];
}
