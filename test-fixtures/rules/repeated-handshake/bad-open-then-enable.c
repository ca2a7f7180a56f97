// style: struct ctx with helpers; the constructor has shaken hands already; goto cleanup
// observe: errno EINVAL UFFDIO_API
// observe: exit 1
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct tracker {
    int uffd;
    char *base;
    size_t len;
};

static int tracker_init(struct tracker *t, size_t len)
{
    struct uffdio_api api = { .api = UFFD_API };

    t->len = len;
    t->base = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (t->base == MAP_FAILED)
        return -1;
    t->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (t->uffd < 0)
        goto unmap;
    if (ioctl(t->uffd, UFFDIO_API, &api) < 0)
        goto close_uffd;
    return 0;

close_uffd:
    close(t->uffd);
unmap:
    munmap(t->base, t->len);
    return -1;
}

static int tracker_enable_wp(struct tracker *t)
{
    struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
    struct uffdio_register reg = {
        .range = { .start = (uintptr_t)t->base, .len = t->len },
        .mode = UFFDIO_REGISTER_MODE_WP,
    };

    if (ioctl(t->uffd, UFFDIO_API, &api) < 0)    // expect: repeated-handshake
        return -1;
    return ioctl(t->uffd, UFFDIO_REGISTER, &reg);
}

int main(void)
{
    struct tracker t;
    int ret = 1;

    if (tracker_init(&t, 1 << 16) < 0) {
        perror("tracker_init");
        return 1;
    }
    if (tracker_enable_wp(&t) < 0) {
        perror("tracker_enable_wp");
        goto out;
    }
    printf("tracking %zu bytes\n", t.len);
    ret = 0;
out:
    close(t.uffd);
    munmap(t.base, t.len);
    return ret;
}
