// style: man-page, short; the handshake is checked and EPERM explained
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
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
    if (ioctl(uffd, UFFDIO_API, &uffdio_api) == -1) {
        if (errno == EPERM)
            errx(EXIT_FAILURE, "fork events need CAP_SYS_PTRACE");
        err(EXIT_FAILURE, "ioctl-UFFDIO_API");
    }

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
