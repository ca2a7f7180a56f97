// style: helper that negotiates with whatever features were asked for, none included
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool uffd_negotiate(int fd, uint64_t wanted)
{
    struct uffdio_api api = { .api = UFFD_API, .features = wanted };

    if (ioctl(fd, UFFDIO_API, &api) < 0) {
        perror("UFFDIO_API");
        return false;
    }
    return (api.features & wanted) == wanted;
}

static bool uffd_watch(int fd, void *start, size_t len)
{
    struct uffdio_register reg = {
        .range = { .start = (uintptr_t)start, .len = len },
        .mode = UFFDIO_REGISTER_MODE_MISSING,
    };

    if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0) {
        perror("UFFDIO_REGISTER");
        return false;
    }
    return true;
}

int main(int argc, char **argv)
{
    uint64_t wanted = argc > 1 ? UFFD_FEATURE_THREAD_ID : 0;
    size_t len = 8 * sysconf(_SC_PAGESIZE);
    int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    void *mem;

    if (fd < 0) {
        perror("userfaultfd");
        return EXIT_FAILURE;
    }
    mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED || !uffd_negotiate(fd, wanted) || !uffd_watch(fd, mem, len))
        return EXIT_FAILURE;

    printf("%s watches %p\n", argv[0], mem);
    return EXIT_SUCCESS;
}
