/* zygote: preloads the pages of each child through its own descriptor */
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

#define NPAGES 12

typedef uint8_t u8;
typedef uint64_t u64;

struct zygote {
	int ufd;
	u8 *image;
	u8 *view;
	u64 psz;
	unsigned children;
	pthread_once_t once;
};

static struct zygote Z = { .ufd = -1, .once = PTHREAD_ONCE_INIT };

static int copy_range(int fd, u64 off, u64 len)
{
	while (len) {
		struct uffdio_copy c = {
			.dst = (uintptr_t)Z.view + off,
			.src = (uintptr_t)Z.image + off,
			.len = len,
		};

		if (ioctl(fd, UFFDIO_COPY, &c) == 0)
			return 0;
		switch (errno) {
		case EAGAIN:
			if (c.copy > 0) {
				off += c.copy;
				len -= c.copy;
			}
			break;
		case EEXIST:
			off += Z.psz;
			len -= Z.psz;
			break;
		default:
			return -1;
		}
	}
	return 0;
}

static int prefill(int fd)
{
	int rc = copy_range(fd, 0, NPAGES * Z.psz);

	close(fd);
	return rc;
}

static void *zygote_thread(void *arg)
{
	struct uffd_msg msg;

	while (read(Z.ufd, &msg, sizeof(msg)) > 0) {
		if (msg.event == UFFD_EVENT_FORK) {
			Z.children++;
			if (prefill(msg.arg.fork.ufd) < 0)
				perror("prefill");
		} else if (msg.event == UFFD_EVENT_PAGEFAULT) {
			u64 off = msg.arg.pagefault.address - (uintptr_t)Z.view;

			copy_range(Z.ufd, off / Z.psz * Z.psz, Z.psz);
		}
	}
	return arg;
}

static void zygote_init(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;

	Z.psz = sysconf(_SC_PAGESIZE);
	Z.image = malloc(NPAGES * Z.psz);
	Z.view = mmap(NULL, NPAGES * Z.psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (!Z.image || Z.view == MAP_FAILED)
		abort();
	memset(Z.image, 0x77, NPAGES * Z.psz);
	Z.ufd = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (Z.ufd < 0 || ioctl(Z.ufd, UFFDIO_API, &api) < 0)
		abort();
	reg.range.start = (uintptr_t)Z.view;
	reg.range.len = NPAGES * Z.psz;
	if (ioctl(Z.ufd, UFFDIO_REGISTER, &reg) < 0)
		abort();
	if (pthread_create(&t, NULL, zygote_thread, NULL))
		abort();
	pthread_detach(t);
}

static pid_t zygote_fork(void)
{
	pthread_once(&Z.once, zygote_init);
	return fork();
}

int main(void)
{
	int i, st, bad = 0;

	for (i = 0; i < 3; i++) {
		pid_t pid = zygote_fork();

		if (pid < 0)
			return 1;
		if (pid == 0)
			_exit(Z.view[i * Z.psz] != 0x77);
		if (waitpid(pid, &st, 0) < 0)
			return 1;
		bad += st != 0;
	}
	printf("%u children, %d bad\n", Z.children, bad);
	return bad;
}
