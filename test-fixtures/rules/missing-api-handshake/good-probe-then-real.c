// style: probe descriptor closed, then the real one with its own handshake; goto cleanup
// observe: output pending: 0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int probe(void)
{
    struct uffdio_api api = { .api = UFFD_API, .features = 0 };
    int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    int ret = -1;

    if (fd < 0)
        return -1;
    if (ioctl(fd, UFFDIO_API, &api) == 0)
        ret = 0;
    close(fd);
    return ret;
}

/* Counts the faults that are waiting, -1 on error. */
static int pending(int fd)
{
    struct uffd_msg msg;
    int count = 0;

    for (;;) {
        ssize_t n = read(fd, &msg, sizeof(msg));

        if (n == sizeof(msg)) {
            count++;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return count;
        return -1;
    }
}

int main(void)
{
    struct uffdio_api api = { .api = UFFD_API, .features = 0 };
    int ret = 1, count;
    int uffd = -1;

    if (probe() < 0) {
        fprintf(stderr, "no userfaultfd here\n");
        goto out;
    }
    uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (uffd < 0) {
        perror("userfaultfd");
        goto out;
    }
    if (ioctl(uffd, UFFDIO_API, &api) < 0) {
        perror("UFFDIO_API");
        goto out;
    }
    count = pending(uffd);
    if (count < 0) {
        perror("read");
        goto out;
    }
    printf("pending: %d\n", count);
    ret = 0;
out:
    if (uffd >= 0)
        close(uffd);
    return ret;
}
