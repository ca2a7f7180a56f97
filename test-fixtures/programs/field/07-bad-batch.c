/* batchd.c - tracks forks and frees of a worker farm, many events per read */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define BATCH 16
#define MAX_KIDS 128

#define SAFE(call)                                                            \
	({                                                                    \
		__typeof__(call) _v = (call);                                 \
		if (_v == (__typeof__(call))-1) {                             \
			fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, \
				#call, strerror(errno));                      \
			exit(EXIT_FAILURE);                                   \
		}                                                             \
		_v;                                                           \
	})

struct farm {
	int uffd;
	int kids[MAX_KIDS];
	unsigned nkids;
	uint64_t pages_freed;
	uint64_t faults;
	char *heap;
	size_t heap_len;
};

static size_t page;

static void resolve(struct farm *f, int fd, uint64_t addr)
{
	struct uffdio_zeropage zp = {
		.range = { .start = addr & ~(page - 1), .len = page },
	};

	f->faults++;
	while (ioctl(fd, UFFDIO_ZEROPAGE, &zp) == -1)
		if (errno != EAGAIN)
			break;
}

static void remember(struct farm *f, int kid)
{
	if (f->nkids < MAX_KIDS)
		f->kids[f->nkids++] = kid;
	else
		close(kid);
}

/* Returns false when the descriptor cannot be read any more. */
static bool drain(struct farm *f, int fd)
{
	struct uffd_msg msgs[BATCH];
	ssize_t n;
	size_t i;

	n = read(fd, msgs, sizeof(msgs)); // expect: leaked-child-uffd
	if (n < 0)
		return errno == EAGAIN || errno == EINTR;

	for (i = 0; i < n / sizeof(msgs[0]); i++) {
		switch (msgs[i].event) {
		case UFFD_EVENT_FORK:
			remember(f, msgs[i].arg.fork.ufd);
			break;
		case UFFD_EVENT_REMOVE:
			f->pages_freed += (msgs[i].arg.remove.end - msgs[i].arg.remove.start) / page;
			break;
		case UFFD_EVENT_PAGEFAULT:
			resolve(f, fd, msgs[i].arg.pagefault.address);
			return true;
		}
	}
	return true;
}

static void *watch(void *arg)
{
	struct farm *f = arg;
	struct pollfd pfds[1 + MAX_KIDS];
	unsigned i, n;

	for (;;) {
		n = f->nkids;
		pfds[0].fd = f->uffd;
		pfds[0].events = POLLIN;
		for (i = 0; i < n; i++) {
			pfds[i + 1].fd = f->kids[i];
			pfds[i + 1].events = POLLIN;
		}
		if (poll(pfds, n + 1, -1) == -1) {
			if (errno == EINTR)
				continue;
			break;
		}
		for (i = 0; i <= n; i++)
			if (pfds[i].revents && !drain(f, pfds[i].fd))
				return NULL;
	}
	return NULL;
}

static void farm_init(struct farm *f, size_t npages)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg;

	memset(f, 0, sizeof(*f));
	f->heap_len = npages * page;
	f->heap = SAFE(mmap(NULL, f->heap_len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	f->uffd = SAFE(syscall(__NR_userfaultfd, O_NONBLOCK | O_CLOEXEC));
	api.features |= UFFD_FEATURE_EVENT_FORK;
	api.features |= UFFD_FEATURE_EVENT_REMOVE;
	SAFE(ioctl(f->uffd, UFFDIO_API, &api));
	reg.range.start = (uintptr_t)f->heap;
	reg.range.len = f->heap_len;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	SAFE(ioctl(f->uffd, UFFDIO_REGISTER, &reg));
}

static void worker(struct farm *f, int id)
{
	size_t i;

	for (i = id; i < f->heap_len / page; i += 3)
		f->heap[i * page] += 1;
	_exit(0);
}

int main(void)
{
	static struct farm farm;
	pthread_t tid;
	int i;

	page = sysconf(_SC_PAGESIZE);
	farm_init(&farm, 24);
	if (pthread_create(&tid, NULL, watch, &farm)) {
		perror("pthread_create");
		return 1;
	}
	for (i = 0; i < 5; i++) {
		pid_t pid = SAFE(fork());

		if (pid == 0)
			worker(&farm, i);
	}
	while (wait(NULL) > 0)
		;
	printf("%u kids, %llu faults\n", farm.nkids, (unsigned long long)farm.faults);
	return 0;
}
