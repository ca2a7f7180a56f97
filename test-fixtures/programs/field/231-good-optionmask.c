// style: a mask of features that options add to, the one that is handled among them
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static uint64_t features;
static int uffd;
static unsigned long forks;

static void *pager(void *arg)
{
	struct uffd_msg m;

	while (read(uffd, &m, sizeof m) == sizeof m)
		switch (m.event) {
		case UFFD_EVENT_FORK:
			forks++;
			close(m.arg.fork.ufd);
			break;
		case UFFD_EVENT_REMOVE:
			break;
		}
	return arg;
}

int main(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;
	int c;

	while ((c = getopt(argc, argv, "fr")) != -1) {
		switch (c) {
		case 'f':
			features |= UFFD_FEATURE_EVENT_FORK;
			break;
		case 'r':
			features |= UFFD_FEATURE_EVENT_REMOVE;
			break;
		}
	}
	char *mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
	uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
	api.features = features;
	reg.range.start = (unsigned long)mem;
	reg.range.len = 4096;
	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) || ioctl(uffd, UFFDIO_REGISTER, &reg))
		return 1;
	if (pthread_create(&t, NULL, pager, NULL))
		return 1;
	pthread_join(t, NULL);
	return 0;
}
