// style: a userfaultfd and a reader in each turn of a loop; a reader forks when it is asked to
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
	int uffd;
	int may_fork;
	char *memory;
	pthread_t reader;
};

static struct lane lanes[LANES];
static size_t page;

static void resolve(struct lane *lane, __u64 address)
{
	struct uffdio_zeropage zero = { .range = { address & ~(__u64)(page - 1), page } };

	while (ioctl(lane->uffd, UFFDIO_ZEROPAGE, &zero))
		;
}

static void *serve(void *arg)
{
	struct lane *lane = arg;
	struct uffd_msg msg;

	while (read(lane->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event == UFFD_EVENT_FORK) {
			close(msg.arg.fork.ufd);
			continue;
		}
		if (lane->may_fork) {
			pid_t pid = fork(); // expect: fork-deadlocks-monitor

			if (pid == 0)
				_exit(0);
			waitpid(pid, NULL, 0);
		}
		resolve(lane, msg.arg.pagefault.address);
	}
	return NULL;
}

int main(void)
{
	page = (size_t)sysconf(_SC_PAGESIZE);
	for (int i = 0; i < LANES; i++) {
		struct lane *lane = &lanes[i];
		struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
		struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

		lane->memory = mmap(NULL, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		lane->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
		if (lane->memory == MAP_FAILED || lane->uffd < 0 || ioctl(lane->uffd, UFFDIO_API, &api))
			return 1;
		reg.range.start = (uintptr_t)lane->memory;
		reg.range.len = page;
		if (ioctl(lane->uffd, UFFDIO_REGISTER, &reg))
			return 1;
		lane->may_fork = i == 0;
		if (pthread_create(&lane->reader, NULL, serve, lane))
			return 1;
	}
	return lanes[0].memory[0];
}
