// style: a monitor that runs programs with system() and popen(), which copy no memory
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
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

#define PERR(...) (fprintf(stderr, __VA_ARGS__), exit(EXIT_FAILURE))

static int ufd;
static size_t psize;

static int run(const char *command)
{
	return system(command);
}

static unsigned long ask(const char *command)
{
	FILE *pipe = popen(command, "r");
	unsigned long answer = 0;

	if (pipe == NULL)
		return 0;
	if (fscanf(pipe, "%lu", &answer) != 1)
		answer = 0;
	pclose(pipe);
	return answer;
}

static void *pager(void *arg)
{
	struct uffd_msg msg;

	for (;;) {
		struct uffdio_zeropage zp;
		ssize_t r = read(ufd, &msg, sizeof(msg));

		if (r == -1 && errno == EINTR)
			continue;
		if (r != sizeof(msg))
			PERR("read: %s\n", strerror(errno));
		if (msg.event == UFFD_EVENT_FORK) {
			close(msg.arg.fork.ufd);
			continue;
		}
		/* the site's hooks may count what is paged in */
		if (run("exit 0") != 0 || ask("echo 1") != 1)
			fputs("hook failed\n", stderr);
		memset(&zp, 0, sizeof(zp));
		zp.range.start = msg.arg.pagefault.address & ~(uint64_t)(psize - 1);
		zp.range.len = psize;
		/*
		 * The SIGCHLD that system() holds back in this thread goes to the
		 * other one, whose fault starts again: two messages for one page.
		 */
		if (ioctl(ufd, UFFDIO_ZEROPAGE, &zp) == -1 &&
		    (errno != EEXIST || ioctl(ufd, UFFDIO_WAKE, &zp.range) == -1))
			PERR("UFFDIO_ZEROPAGE: %s\n", strerror(errno));
	}
	return arg;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg;
	pthread_t thread;
	char *map;

	psize = sysconf(_SC_PAGESIZE);
	ufd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (ufd == -1)
		PERR("userfaultfd: %s\n", strerror(errno));
	if (ioctl(ufd, UFFDIO_API, &api) == -1)
		PERR("UFFDIO_API: %s\n", strerror(errno));
	map = mmap(NULL, psize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (map == MAP_FAILED)
		PERR("mmap: %s\n", strerror(errno));
	reg.range.start = (uintptr_t)map;
	reg.range.len = psize;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	if (ioctl(ufd, UFFDIO_REGISTER, &reg) == -1)
		PERR("UFFDIO_REGISTER: %s\n", strerror(errno));
	if (pthread_create(&thread, NULL, pager, NULL) != 0)
		PERR("pthread_create\n");
	printf("%d\n", map[0]);
	return 0;
}
