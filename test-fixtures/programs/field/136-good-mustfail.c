// style: a test of the interface demands that a second handshake is refused
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
static int open_uffd(void)
{
    struct uffdio_api a = { .api = UFFD_API };
    int fd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (fd < 0 || ioctl(fd, UFFDIO_API, &a) < 0)
        exit(1);
    return fd;
}
int main(void)
{
    struct uffdio_api a = { .api = UFFD_API };
    int fd = open_uffd();
    if (ioctl(fd, UFFDIO_API, &a) == 0) {
        fprintf(stderr, "second UFFDIO_API must fail\n");
        return 1;
    }
    return 0;
}
