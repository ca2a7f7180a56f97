// style: a local copy of the child's number, and a table that can be full
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
static int kids[8], n, dropped;
int main(void)
{
    struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    struct uffd_msg m; int v;
    int ufd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (ufd < 0 || ioctl(ufd, UFFDIO_API, &a))
        return 1;
    while (read(ufd, &m, sizeof m) == sizeof m)
        if (m.event == UFFD_EVENT_FORK) {
            v = m.arg.fork.ufd; // expect: leaked-child-uffd
            if (n < 8)
                kids[n++] = v;
            else
                dropped++;
        }
    return 0;
}
