// style: a table of scenarios, each with the features that it needs
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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define DIE(...)                              \
	do {                                  \
		fprintf(stderr, __VA_ARGS__); \
		exit(1);                      \
	} while (0)

struct lab {
	int fd;
	char *area;
	size_t size;
	int stop[2];
	pthread_t monitor;
	unsigned faults, forks;
};

struct scenario {
	const char *name;
	uint64_t features;
	int (*run)(struct lab *lab);
};

static void serve(struct lab *lab)
{
	struct uffd_msg msg;

	if (read(lab->fd, &msg, sizeof(msg)) != sizeof(msg))
		return;
	switch (msg.event) {
	case UFFD_EVENT_PAGEFAULT: {
		struct uffdio_zeropage zero = {
			.range = { msg.arg.pagefault.address & ~(lab->size - 1), lab->size },
		};

		ioctl(lab->fd, UFFDIO_ZEROPAGE, &zero);
		lab->faults++;
		break;
	}
	case UFFD_EVENT_FORK:
		lab->forks++;
		close(msg.arg.fork.ufd);
		break;
	}
}

static void *monitor(void *arg)
{
	struct lab *lab = arg;
	struct pollfd p[2] = {
		{ .fd = lab->fd, .events = POLLIN },
		{ .fd = lab->stop[0], .events = POLLIN },
	};

	for (;;) {
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			break;
		if (p[0].revents & POLLIN)
			serve(lab);
	}
	return NULL;
}

static void arm(struct lab *lab)
{
	struct uffdio_register reg = {
		.range = { (uintptr_t)lab->area, lab->size },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};

	if (ioctl(lab->fd, UFFDIO_REGISTER, &reg))
		DIE("register: %s\n", strerror(errno));
}

static int spawn(void)
{
	pid_t pid = fork();
	int status;

	if (pid < 0)
		return -errno;
	if (pid == 0)
		_exit(0);
	waitpid(pid, &status, 0);
	return status;
}

static void start(struct lab *lab)
{
	if (pipe(lab->stop) || pthread_create(&lab->monitor, NULL, monitor, lab))
		DIE("no monitor\n");
}

static void stop(struct lab *lab)
{
	if (write(lab->stop[1], "", 1) != 1)
		DIE("no stop\n");
	pthread_join(lab->monitor, NULL);
	close(lab->stop[0]);
	close(lab->stop[1]);
}

static int touches(struct lab *lab)
{
	arm(lab);
	start(lab);
	lab->area[0]++;
	stop(lab);
	return lab->faults != 1;
}

static int forks_alone(struct lab *lab)
{
	arm(lab);
	return spawn();
}

static int forks_watched(struct lab *lab)
{
	int status;

	arm(lab);
	start(lab);
	status = spawn();
	stop(lab);
	return status || lab->forks != 1;
}

static struct scenario scenarios[] = {
	{ .name = "touch", .features = UFFD_FEATURE_THREAD_ID, .run = touches },
	{ .name = "fork", .features = 0, .run = forks_alone },
	{ .name = "fork-event", .features = UFFD_FEATURE_EVENT_FORK, .run = forks_watched },
};

static void set_up(struct lab *lab, const struct scenario *s)
{
	struct uffdio_api api = { .api = UFFD_API, .features = s->features };

	memset(lab, 0, sizeof(*lab));
	lab->size = sysconf(_SC_PAGESIZE);
	lab->area = mmap(NULL, lab->size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (lab->area == MAP_FAILED)
		DIE("mmap\n");
	lab->fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (lab->fd < 0 || ioctl(lab->fd, UFFDIO_API, &api))
		DIE("%s: %s\n", s->name, strerror(errno));
}

static void tear_down(struct lab *lab)
{
	close(lab->fd);
	munmap(lab->area, lab->size);
}

int main(int argc, char **argv)
{
	struct lab lab;
	int failed = 0;

	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
		const struct scenario *s = &scenarios[i];

		if (argc > 1 && strcmp(argv[1], s->name))
			continue;
		set_up(&lab, s);
		if (s->run(&lab)) {
			printf("%s failed\n", s->name);
			failed++;
		}
		tear_down(&lab);
	}
	return failed != 0;
}
