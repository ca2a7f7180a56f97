// style: struct ctx with helpers; poll loop, the mutex is held across fork and taken by the reader before read
// observe: fork-blocked
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct jobs {
    int uffd;
    pthread_mutex_t lock; /* protects started and seen */
    int started, seen;
};

static int jobs_start(struct jobs *j)
{
    pid_t pid;

    pthread_mutex_lock(&j->lock);
    pid = fork();
    if (pid == 0)
        _exit(0);
    if (pid > 0)
        j->started++;
    pthread_mutex_unlock(&j->lock);
    return pid < 0 ? -1 : waitpid(pid, NULL, 0) == pid ? 0 : -1;
}

static void *jobs_monitor(void *arg)
{
    struct jobs *j = arg;
    struct pollfd pfd = { .fd = j->uffd, .events = POLLIN };
    struct uffd_msg msg;
    ssize_t n;

    for (;;) {
        if (poll(&pfd, 1, -1) < 0)
            continue;
        pthread_mutex_lock(&j->lock);    // expect: fork-deadlocks-monitor
        n = read(j->uffd, &msg, sizeof(msg));
        if (n == sizeof(msg) && msg.event == UFFD_EVENT_FORK) {
            close(msg.arg.fork.ufd); /* a job never touches the area */
            j->seen++;
        }
        pthread_mutex_unlock(&j->lock);
        if (n < 0 && errno != EAGAIN && errno != EINTR)
            abort();
    }
}

int main(void)
{
    struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    static struct jobs j = { .lock = PTHREAD_MUTEX_INITIALIZER };
    struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
    size_t len = 4 * sysconf(_SC_PAGESIZE);
    pthread_t tid;
    void *area;

    j.uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (j.uffd < 0)
        return 1;
    if (ioctl(j.uffd, UFFDIO_API, &api) < 0) {
        perror(errno == EPERM ? "fork events need CAP_SYS_PTRACE" : "UFFDIO_API");
        return 1;
    }
    area = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (area == MAP_FAILED)
        return 1;
    reg.range.start = (uintptr_t)area;
    reg.range.len = len;
    if (ioctl(j.uffd, UFFDIO_REGISTER, &reg) < 0)
        return 1;
    if (pthread_create(&tid, NULL, jobs_monitor, &j) != 0)
        return 1;
    if (jobs_start(&j) < 0)
        return 1;
    printf("started %d\n", j.started);
    return 0;
}
