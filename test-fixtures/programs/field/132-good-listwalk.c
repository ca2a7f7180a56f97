// style: a loop variable holds the parent first and children later
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
struct c { int fd; struct c *next; };
static struct c *all;
static struct c *new(int fd)
{
    struct c *c = malloc(sizeof *c);
    if (!c)
        exit(1);
    c->fd = fd;
    c->next = all;
    all = c;
    return c;
}
static void *reader(void *x)
{
    struct uffd_msg m;
    int fd;
    for (;;)
        for (struct c *c = all; c; c = c->next) {
            fd = c->fd;
            if (read(fd, &m, sizeof m) == sizeof m && m.event == UFFD_EVENT_FORK)
                new(m.arg.fork.ufd);
        }
    return x;
}
int main(void)
{
    struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    pthread_t t;
    int ufd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (ufd < 0 || ioctl(ufd, UFFDIO_API, &a))
        return 1;
    new(ufd);
    if (pthread_create(&t, NULL, reader, NULL) == 0)
        pthread_join(t, NULL);
    return 0;
}
