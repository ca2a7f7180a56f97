// style: a mailbox of one slot between two threads
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
static pthread_mutex_t mu = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t cv = PTHREAD_COND_INITIALIZER;
static int ufd, box = -1;
static void *sink(void *a)
{
    for (;;) {
        pthread_mutex_lock(&mu);
        while (box < 0)
            pthread_cond_wait(&cv, &mu);
        close(box);
        box = -1;
        pthread_cond_broadcast(&cv);
        pthread_mutex_unlock(&mu);
    }
    return a;
}
static void *reader(void *x)
{
    struct uffd_msg m;
    while (read(ufd, &m, sizeof m) == sizeof m)
        if (m.event == UFFD_EVENT_FORK) {
            pthread_mutex_lock(&mu);
            while (box >= 0)
                pthread_cond_wait(&cv, &mu);
            box = m.arg.fork.ufd;
            pthread_cond_broadcast(&cv);
            pthread_mutex_unlock(&mu);
        }
    return x;
}
int main(void)
{
    struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    pthread_t t;
    ufd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (ufd < 0 || ioctl(ufd, UFFDIO_API, &a) || pthread_create(&t, NULL, sink, NULL))
        return 1;
    if (pthread_create(&t, NULL, reader, NULL) == 0)
        pthread_join(t, NULL);
    return 0;
}
