// style: descriptors are bits of a word
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
static uint64_t map;     /* bit n: descriptor n belongs to a child */
int main(void)
{
    struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    struct uffd_msg m;
    ufd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (ufd < 0 || ioctl(ufd, UFFDIO_API, &a))
        return 1;
    while (read(ufd, &m, sizeof m) == sizeof m)
        if (m.event == UFFD_EVENT_FORK) { // expect: leaked-child-uffd
            if (m.arg.fork.ufd < 64)
                map |= 1;
            else
                close(m.arg.fork.ufd);
        }
    for (int i = 0; i < 64; i++)
        if (map & (1ull << i))
            close(i);
    return 0;
}
