// style: features gathered by |= under #ifdef, and a switch that does not know one of them
// observe: uffd-left 2
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#if defined(__linux__) && defined(UFFD_FEATURE_EVENT_FORK)
#define HAVE_FORK_EVENTS 1
#endif

static int ufd = -1;
static unsigned removed, other;

static void die(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static uint64_t wanted_features(void)
{
	uint64_t mask = 0;

#ifdef UFFD_FEATURE_EVENT_REMOVE
	mask |= UFFD_FEATURE_EVENT_REMOVE;
#endif
#ifdef UFFD_FEATURE_EVENT_UNMAP
	mask |= UFFD_FEATURE_EVENT_UNMAP;
#endif
#if HAVE_FORK_EVENTS
	mask |= UFFD_FEATURE_EVENT_FORK;
#endif
	return mask;
}

static void tracker_open(void *start, size_t length)
{
	struct uffdio_api api;
	struct uffdio_register range;

	if ((ufd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK)) < 0)
		die("userfaultfd");
	memset(&api, 0, sizeof(api));
	api.api = UFFD_API;
	api.features = wanted_features();
	if (ioctl(ufd, UFFDIO_API, &api) != 0)
		die("UFFDIO_API");
	memset(&range, 0, sizeof(range));
	range.range.start = (uintptr_t)start;
	range.range.len = length;
	range.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(ufd, UFFDIO_REGISTER, &range) != 0)
		die("UFFDIO_REGISTER");
}

static void *tracker(void *unused)
{
	struct pollfd p = { .fd = ufd, .events = POLLIN };
	struct uffd_msg msg;

	for (;;) {
		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			die("poll");
		if (read(ufd, &msg, sizeof(msg)) != sizeof(msg))
			continue;
		switch (msg.event) { // expect: unhandled-fork-event
		case UFFD_EVENT_REMOVE:
		case UFFD_EVENT_UNMAP:
			removed += msg.arg.remove.end - msg.arg.remove.start;
			break;
		default:
			other++;
			break;
		}
	}
	return unused;
}

int main(void)
{
	size_t length = 16 * sysconf(_SC_PAGESIZE);
	char *cache = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pthread_t thread;
	pid_t pid;

	if (cache == MAP_FAILED)
		die("mmap");
	tracker_open(cache, length);
	if ((errno = pthread_create(&thread, NULL, tracker, NULL)) != 0)
		die("pthread_create");
	if ((pid = fork()) < 0)
		die("fork");
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	if (madvise(cache, length / 2, MADV_DONTNEED) != 0)
		die("madvise");
	usleep(20000); /* the reader may still be at the last event */
	return 0;
}
