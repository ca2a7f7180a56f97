// style: a record with the child is duplicated on the heap
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
#include <string.h>
struct args { int fd; struct args *next; };
static struct args *list;
static int ufd;
static void *memdup(const void *p, size_t n)
{
    void *q = malloc(n);
    if (q)
        memcpy(q, p, n);
    return q;
}
int main(void)
{
    struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    struct uffd_msg m;
    ufd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (ufd < 0 || ioctl(ufd, UFFDIO_API, &a))
        return 1;
    while (read(ufd, &m, sizeof m) == sizeof m)
        if (m.event == UFFD_EVENT_FORK) {
            struct args v = { .fd = m.arg.fork.ufd }, *h;
            h = memdup(&v, sizeof v);
            if (!h) {
                close(v.fd);
                continue;
            }
            h->next = list;
            list = h;
        }
    return 0;
}
