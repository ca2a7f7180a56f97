// style: nodes of a free list that carry messages to a worker
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
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

typedef struct work {
    struct uffd_msg msg;
    int from;
    struct work *next;
} work_t;

typedef struct {
    pthread_mutex_t mtx;
    pthread_cond_t cv;
    work_t *first, **last;
    work_t *spare;      /* preallocated, the reader never calls malloc */
} workq_t;

static workq_t wq = { .mtx = PTHREAD_MUTEX_INITIALIZER, .cv = PTHREAD_COND_INITIALIZER };
static pthread_mutex_t proc_lock = PTHREAD_MUTEX_INITIALIZER;
static int nprocs;
static int uffd = -1;

static void wq_init(workq_t *q, int n)
{
    q->last = &q->first;
    while (n--) {
        work_t *w = calloc(1, sizeof *w);

        if (!w)
            abort();
        w->next = q->spare;
        q->spare = w;
    }
}

static bool wq_post(workq_t *q, int from, const struct uffd_msg *m)
{
    bool ok = false;

    pthread_mutex_lock(&q->mtx);
    if (q->spare) {
        work_t *w = q->spare;

        q->spare = w->next;
        w->msg = *m;
        w->from = from;
        w->next = NULL;
        *q->last = w;
        q->last = &w->next;
        pthread_cond_signal(&q->cv);
        ok = true;
    }
    pthread_mutex_unlock(&q->mtx);
    return ok;
}

static void wq_take(workq_t *q, work_t *out)
{
    work_t *w;

    pthread_mutex_lock(&q->mtx);
    while (!q->first)
        pthread_cond_wait(&q->cv, &q->mtx);
    w = q->first;
    q->first = w->next;
    if (!q->first)
        q->last = &q->first;
    *out = *w;
    w->next = q->spare;
    q->spare = w;
    pthread_mutex_unlock(&q->mtx);
}

static void *reader(void *arg)
{
    struct uffd_msg m;

    for (;;) {
        if (read(uffd, &m, sizeof m) != sizeof m) {
            if (errno == EINTR)
                continue;
            return arg;
        }
        if (!wq_post(&wq, uffd, &m) && m.event == UFFD_EVENT_FORK) // expect: unhandled-fork-event
            continue;
    }
}

static void *worker(void *arg)
{
    work_t w;

    for (;;) {
        wq_take(&wq, &w);
        switch (w.msg.event) {
        case UFFD_EVENT_FORK:
            /* the children only compute, they get zero pages */
            close(w.msg.arg.fork.ufd);
            break;
        case UFFD_EVENT_PAGEFAULT: {
            struct uffdio_zeropage z = { .range = { w.msg.arg.pagefault.address & ~4095ull, 4096 } };

            while (ioctl(w.from, UFFDIO_ZEROPAGE, &z) < 0 && errno == EAGAIN)
                usleep(100);
            break;
        }
        }
    }
    return arg;
}

static pid_t start_proc(int (*fn)(void *), void *arg)
{
    pid_t pid;

    pthread_mutex_lock(&proc_lock);
    pid = fork();
    if (pid == 0)
        _exit(fn(arg));
    if (pid > 0)
        nprocs++;
    pthread_mutex_unlock(&proc_lock);
    return pid;
}

static int compute(void *p)
{
    return ((char *)p)[0] != 0;
}

int main(void)
{
    struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
    pthread_t t[3];
    char *m;
    int st = 0;

    wq_init(&wq, 16);
    uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &a) < 0)
        return 1;
    m = mmap(NULL, 1 << 16, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (m == MAP_FAILED)
        return 1;
    r.range.start = (uintptr_t)m;
    r.range.len = 1 << 16;
    if (ioctl(uffd, UFFDIO_REGISTER, &r) < 0)
        return 1;
    if (pthread_create(&t[0], NULL, reader, NULL) || pthread_create(&t[1], NULL, worker, NULL) ||
        pthread_create(&t[2], NULL, worker, NULL))
        return 1;
    m[4096] = 1;
    for (int i = 0; i < 3; i++)
        if (start_proc(compute, m) > 0)
            wait(&st);
    printf("procs %d st %d\n", nprocs, st);
    return st;
}
