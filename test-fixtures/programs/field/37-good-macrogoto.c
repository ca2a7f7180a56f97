/* hv-mem: backend for lazily restored guests; error handling by macros */
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

#define LOGE(fmt, ...) fprintf(stderr, "[hv-mem] %s: " fmt "\n", __func__, ##__VA_ARGS__)
#define ERR_GOTO(cond, label, fmt, ...)                        \
	if (cond) {                                            \
		ret = -errno ?: -EIO;                          \
		LOGE(fmt ": %s", ##__VA_ARGS__, strerror(-ret)); \
		goto label;                                    \
	}

struct guest {
	int id;
	int fd;
	struct guest *next;
};

struct backend {
	struct guest *guests, *spare;
	struct guest pool[8];
	int next_id;
	int ctl[2];
	size_t psz;
	char *ram;
	size_t ram_size;
	char *zero;
};

static int guest_new(struct backend *be, int fd, struct guest **out)
{
	struct guest *g = NULL;
	int ret = 0, fl;

	ERR_GOTO(be->next_id >= 6, fail, "too many guests");
	g = be->spare; /* no malloc() here: fork() may hold its locks */
	ERR_GOTO(!g, fail, "no memory for guest %d", be->next_id);
	be->spare = g->next;
	fl = fcntl(fd, F_GETFL);
	ERR_GOTO(fl < 0, fail_free, "F_GETFL on %d", fd);
	ERR_GOTO(!(fl & O_NONBLOCK) && fcntl(fd, F_SETFL, fl | O_NONBLOCK) < 0, fail_free, "F_SETFL on %d", fd);
	g->id = be->next_id++;
	g->fd = fd;
	g->next = be->guests;
	be->guests = g;
	if (out)
		*out = g;
	return 0;

fail_free:
	g->next = be->spare;
	be->spare = g;
fail:
	return ret;
}

static int guest_fault(struct backend *be, struct guest *g, uint64_t addr)
{
	struct uffdio_copy c;
	int ret;

	memset(&c, 0, sizeof(c));
	c.dst = addr & ~(uint64_t)(be->psz - 1);
	c.src = (uintptr_t)be->zero;
	c.len = be->psz;
retry:
	ret = ioctl(g->fd, UFFDIO_COPY, &c);
	if (ret < 0 && errno == EAGAIN)
		goto retry;
	ERR_GOTO(ret < 0 && errno != EEXIST && errno != ESRCH, out, "guest %d", g->id);
	ret = 0;
out:
	return ret;
}

static int guest_event(struct backend *be, struct guest *g)
{
	struct uffd_msg msg;
	struct guest *child = NULL;
	ssize_t n;
	int ret = 0;

	n = read(g->fd, &msg, sizeof(msg));
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return 0;
	ERR_GOTO(n != sizeof(msg), out, "short read %zd", n);
	switch (msg.event) {
	case UFFD_EVENT_PAGEFAULT:
		ret = guest_fault(be, g, msg.arg.pagefault.address);
		break;
	case UFFD_EVENT_FORK:
		ret = guest_new(be, msg.arg.fork.ufd, &child);
		if (ret == 0)
			LOGE("guest %d is a child of %d", child->id, g->id);
		else
			close(msg.arg.fork.ufd);
		ret = 0;
		break;
	default:
		LOGE("event %#x", msg.event);
	}
out:
	return ret;
}

static void *backend_loop(void *arg)
{
	struct backend *be = arg;
	struct pollfd p[16];
	struct guest *of[16], *g;
	int n, i;

	for (;;) {
		n = 0;
		p[n++] = (struct pollfd){ be->ctl[0], POLLIN, 0 };
		for (g = be->guests; g && n < 16; g = g->next) {
			of[n] = g;
			p[n++] = (struct pollfd){ g->fd, POLLIN, 0 };
		}
		if (poll(p, n, -1) < 0)
			continue;
		if (p[0].revents)
			return NULL;
		for (i = 1; i < n; i++)
			if (p[i].revents && guest_event(be, of[i]) < 0)
				return NULL;
	}
}

static int backend_open(struct backend *be)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = -1, ret = 0, i;

	for (i = 0; i < 8; i++) {
		be->pool[i].next = be->spare;
		be->spare = &be->pool[i];
	}
	be->psz = sysconf(_SC_PAGESIZE);
	be->ram_size = 8 * be->psz;
	be->ram = mmap(NULL, be->ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	ERR_GOTO(be->ram == MAP_FAILED, out, "ram");
	be->zero = mmap(NULL, be->psz, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	ERR_GOTO(be->zero == MAP_FAILED, out, "zero");
	ERR_GOTO(pipe2(be->ctl, O_CLOEXEC) < 0, out, "pipe2");
	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	ERR_GOTO(fd < 0, out, "userfaultfd");
	ERR_GOTO(ioctl(fd, UFFDIO_API, &api) < 0, out_close, "UFFDIO_API");
	reg.range.start = (uintptr_t)be->ram;
	reg.range.len = be->ram_size;
	ERR_GOTO(ioctl(fd, UFFDIO_REGISTER, &reg) < 0, out_close, "UFFDIO_REGISTER");
	ret = guest_new(be, fd, NULL);
	if (ret < 0)
		goto out_close;
	return 0;
out_close:
	close(fd);
out:
	return ret;
}

int main(void)
{
	struct backend be = { 0 };
	pthread_t t;
	int i;

	if (backend_open(&be) < 0 || pthread_create(&t, NULL, backend_loop, &be))
		return 1;
	be.ram[0] = 1;
	for (i = 0; i < 8; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 1;
		if (pid == 0)
			_exit(be.ram[0] != 1);
		waitpid(pid, NULL, 0);
	}
	close(be.ctl[1]);
	pthread_join(t, NULL);
	while (be.guests) {
		struct guest *g = be.guests;

		be.guests = g->next;
		close(g->fd);
	}
	return 0;
}
