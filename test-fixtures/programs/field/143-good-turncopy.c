// style: a local copy of the parent in each turn
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
struct region { int fd; int kids[4]; int nkids; };
static void *loop(void *p)
{
    struct region *r = p;
    int cur = r->fd;
    for (;;) {
        int fd = cur;
        struct uffd_msg m;
        if (read(fd, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK)
        {
            close(fd);
            cur = (int)m.arg.fork.ufd;
        }
    }

    return NULL;
}
int main(void)
{
    struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    static struct region r;
    pthread_t t;
    r.fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (r.fd < 0 || ioctl(r.fd, UFFDIO_API, &a))
        return 1;
    if (pthread_create(&t, NULL, loop, &r) == 0)
        pthread_join(t, NULL);
    return 0;
}
