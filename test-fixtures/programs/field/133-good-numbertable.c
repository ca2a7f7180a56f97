// style: a table that is indexed by descriptors, through a pointer to its element
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
static struct conn { int used; int kind; } conns[64];      /* indexed by descriptor */
int main(void)
{
    struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    struct uffd_msg m;
    ufd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (ufd < 0 || ioctl(ufd, UFFDIO_API, &a))
        return 1;
    while (read(ufd, &m, sizeof m) == sizeof m)
        if (m.event == UFFD_EVENT_FORK) {
            int fd = m.arg.fork.ufd;
            if (fd >= 64) {
                close(fd);
                continue;
            }
            struct conn *c = &conns[fd];
            c->used = 1;
        }
    for (int i = 0; i < 64; i++)
        if (conns[i].used)
            close(i);
    return 0;
}
