// style: a thread disarms the range before it is joined
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
static int ufd;
static char *mem;
static void *reader(void *arg)
{
    struct uffd_msg m;
    struct uffdio_range r = { (uintptr_t)mem, 4096 };
    for (int i = 0; i < 4; i++)
        if (read(ufd, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK)
            close(m.arg.fork.ufd);
    (void)r;
    return NULL;
}
int main(void)
{
    struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
    pthread_t t;
    ufd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (ufd < 0 || ioctl(ufd, UFFDIO_API, &a))
        return 1;
    mem = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    r.range.start = (uintptr_t)mem;
    r.range.len = 4096;
    if (ioctl(ufd, UFFDIO_REGISTER, &r) || pthread_create(&t, NULL, reader, NULL))
        return 1;
    pthread_join(t, NULL);
    fork(); // expect: fork-event-never-read
    return 0;
}
