// style: man-page, short; the result of the handshake is dropped
// setup: drop-cap
// observe: errno EPERM UFFDIO_API
// observe: errno EINVAL UFFDIO_REGISTER
// observe: exit 1
#define _GNU_SOURCE
#include <err.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
    long page_size = sysconf(_SC_PAGE_SIZE);
    struct uffdio_register uffdio_register;
    struct uffdio_api uffdio_api;
    char *addr;
    int uffd;

    uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    if (uffd == -1)
        err(EXIT_FAILURE, "userfaultfd");

    uffdio_api.api = UFFD_API;
    uffdio_api.features = UFFD_FEATURE_EVENT_FORK;
    ioctl(uffd, UFFDIO_API, &uffdio_api);    // expect: unchecked-handshake

    addr = mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (addr == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");

    uffdio_register.range.start = (unsigned long)addr;
    uffdio_register.range.len = 2 * page_size;
    uffdio_register.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (ioctl(uffd, UFFDIO_REGISTER, &uffdio_register) == -1)
        err(EXIT_FAILURE, "ioctl-UFFDIO_REGISTER");

    printf("registered %p\n", addr);
    return 0;
}
