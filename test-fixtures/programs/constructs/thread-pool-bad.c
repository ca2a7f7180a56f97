// style: a pool of threads runs jobs from a queue; the reader's job is queued behind the fork
// observe: fork-blocked
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

typedef void (*job_fn)(void *);

struct job {
	struct job *next;
	job_fn run;
	void *arg;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct job *first, **last;
} pool = { .lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER, .last = &pool.first };

static void pool_submit(job_fn run, void *arg)
{
	struct job *job = malloc(sizeof(*job));

	if (!job)
		abort();
	*job = (struct job){ .run = run, .arg = arg };
	pthread_mutex_lock(&pool.lock);
	*pool.last = job;
	pool.last = &job->next;
	pthread_cond_signal(&pool.more);
	pthread_mutex_unlock(&pool.lock);
}

static void *pool_thread(void *unused)
{
	for (;;) {
		struct job *job;

		pthread_mutex_lock(&pool.lock);
		while (!pool.first)
			pthread_cond_wait(&pool.more, &pool.lock);
		job = pool.first;
		pool.first = job->next;
		if (!pool.first)
			pool.last = &pool.first;
		pthread_mutex_unlock(&pool.lock);
		job->run(job->arg);
	}
	return unused;
}

static void watch_forks(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg))
		if (msg.event == UFFD_EVENT_FORK)
			close(msg.arg.fork.ufd);
}

static int start(int *fd, size_t len)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	void *mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	*fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (*fd < 0 || mem == MAP_FAILED || ioctl(*fd, UFFDIO_API, &api) < 0)
		return -1;
	reg.range.start = (uintptr_t)mem;
	reg.range.len = len;
	return ioctl(*fd, UFFDIO_REGISTER, &reg);
}

int main(void)
{
	static int fd;
	pthread_t threads[2];
	pid_t pid;

	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, pool_thread, NULL))
			return 1;
	if (start(&fd, 1 << 16) < 0) {
		perror("start");
		return 1;
	}
	pid = fork(); // misses: fork-event-never-read -- a running thread calls functions out of a queue, and one of them may read
	if (pid == 0)
		_exit(0);
	pool_submit(watch_forks, &fd);
	waitpid(pid, NULL, 0);
	return 0;
}
