// style: retry on the same descriptor with fewer features after EPERM
// setup: drop-cap
// observe: errno EPERM UFFDIO_API
// observe: output without fork events
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int handshake(int fd, uint64_t features)
{
    struct uffdio_api api = { .api = UFFD_API, .features = features };

    return ioctl(fd, UFFDIO_API, &api);
}

int main(void)
{
    struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
    size_t len = 4 * sysconf(_SC_PAGESIZE);
    int fork_events = 1;
    void *mem;
    int fd;

    fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK | UFFD_USER_MODE_ONLY);
    if (fd < 0) {
        perror("userfaultfd");
        return 1;
    }
    if (handshake(fd, UFFD_FEATURE_EVENT_FORK) < 0) {
        /* A failed handshake leaves the descriptor as it was. */
        fork_events = 0;
        if (errno != EPERM || handshake(fd, 0) < 0) {
            perror("UFFDIO_API");
            return 1;
        }
    }
    mem = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED) {
        perror("mmap");
        return 1;
    }
    reg.range.start = (uintptr_t)mem;
    reg.range.len = len;
    if (ioctl(fd, UFFDIO_REGISTER, &reg) < 0) {
        perror("UFFDIO_REGISTER");
        return 1;
    }
    printf("registered %s fork events\n", fork_events ? "with" : "without");
    close(fd);
    return 0;
}
