// style: a program started by fork() and exec(); the reader is joined before
// observe: fork-blocked
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* warm: loads an index through a userfaultfd, then hands over to a hook of the user */

static struct {
	int fd;
	char *map;
	size_t pages, page_size, loaded;
} index_file;

static void *load(void *arg)
{
	char *scratch = aligned_alloc(index_file.page_size, index_file.page_size);
	struct uffdio_copy copy = { .len = index_file.page_size };
	struct uffd_msg msg;

	(void)arg;
	if (scratch == NULL)
		return NULL;
	memset(scratch, 'i', index_file.page_size);
	while (index_file.loaded < index_file.pages) {
		if (read(index_file.fd, &msg, sizeof(msg)) != sizeof(msg))
			break;
		if (msg.event == UFFD_EVENT_FORK) {
			close(msg.arg.fork.ufd);
			continue;
		}
		copy.dst = msg.arg.pagefault.address & ~(uint64_t)(index_file.page_size - 1);
		copy.src = (uintptr_t)scratch;
		if (ioctl(index_file.fd, UFFDIO_COPY, &copy) == 0)
			index_file.loaded++;
	}
	free(scratch);
	return NULL;
}

static int run_hook(const char *path)
{
	int status;
	pid_t pid = fork(); // expect: fork-event-never-read

	if (pid == -1)
		return -1;
	if (pid == 0) {
		execl(path, path, (char *)NULL);
		_exit(127);
	}
	while (waitpid(pid, &status, 0) == -1)
		if (errno != EINTR)
			return -1;
	return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t loader;
	size_t i;

	index_file.page_size = sysconf(_SC_PAGESIZE);
	index_file.pages = 4;
	index_file.map = mmap(NULL, index_file.pages * index_file.page_size, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	index_file.fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (index_file.map == MAP_FAILED || index_file.fd == -1 || ioctl(index_file.fd, UFFDIO_API, &api) == -1)
		return 1;
	reg.range.start = (uintptr_t)index_file.map;
	reg.range.len = index_file.pages * index_file.page_size;
	if (ioctl(index_file.fd, UFFDIO_REGISTER, &reg) == -1)
		return 1;
	if (pthread_create(&loader, NULL, load, NULL) != 0)
		return 1;
	for (i = 0; i < index_file.pages; i++)
		if (index_file.map[i * index_file.page_size] != 'i')
			return 1;
	pthread_join(loader, NULL);
	return run_hook(argc > 1 ? argv[1] : "/bin/true");
}
