// style: man-page; features asked for and then enabled on the same descriptor
// observe: errno EINVAL UFFDIO_API
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
    size_t len = 4 * sysconf(_SC_PAGE_SIZE);
    struct uffdio_register reg;
    struct uffdio_api api;
    void *addr;
    int uffd;

    uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (uffd == -1)
        err(EXIT_FAILURE, "userfaultfd");

    /* What does this kernel offer? */
    api.api = UFFD_API;
    api.features = 0;
    if (ioctl(uffd, UFFDIO_API, &api) == -1)
        err(EXIT_FAILURE, "ioctl-UFFDIO_API");
    if (!(api.features & UFFD_FEATURE_THREAD_ID))
        errx(EXIT_FAILURE, "no thread ids");

    /* Enable it. */
    api.api = UFFD_API;
    api.features = UFFD_FEATURE_THREAD_ID;
    if (ioctl(uffd, UFFDIO_API, &api) == -1)    // expect: repeated-handshake
        err(EXIT_FAILURE, "ioctl-UFFDIO_API (enable)");

    addr = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (addr == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    reg.range.start = (unsigned long)addr;
    reg.range.len = len;
    reg.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
        err(EXIT_FAILURE, "ioctl-UFFDIO_REGISTER");
    printf("registered\n");
    return 0;
}
