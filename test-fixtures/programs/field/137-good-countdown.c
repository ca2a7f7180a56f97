// style: a batch is walked by bytes, and what is left is counted down
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
static int ufd, kids[64], n;
int main(void)
{
    static char buf[sizeof(struct uffd_msg) * 8] __attribute__((aligned(8)));
    struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    ssize_t len;
    ufd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (ufd < 0 || ioctl(ufd, UFFDIO_API, &a))
        return 1;
    for (;;) {
        len = read(ufd, buf, sizeof buf);
        for (char *q = buf; len >= 32; q += 32, len -= 32) {
            struct uffd_msg *m = (void *)q;
            if (m->event == UFFD_EVENT_FORK) {
                if (n < 64)
                    kids[n++] = m->arg.fork.ufd;
                else
                    close(m->arg.fork.ufd);
            }
        }
    }
}
