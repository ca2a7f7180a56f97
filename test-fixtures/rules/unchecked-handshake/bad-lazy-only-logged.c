// style: struct ctx with helpers; the failure is logged and forgotten
// observe: errno EINVAL UFFDIO_API
// observe: errno EINVAL UFFDIO_REGISTER
// observe: exit 1
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FEATURE_LAZY_SHARE (1ULL << 62) /* our own kernel has it */

struct lazy_ctx {
    int uffd;
    void *area;
    size_t len;
    uint64_t features;
};

static int lazy_open(struct lazy_ctx *ctx)
{
    struct uffdio_api api;

    ctx->uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (ctx->uffd < 0)
        return -errno;

    memset(&api, 0, sizeof(api));
    api.api = UFFD_API;
    api.features = FEATURE_LAZY_SHARE;
    if (ioctl(ctx->uffd, UFFDIO_API, &api) < 0)    // expect: unchecked-handshake
        fprintf(stderr, "lazy: handshake: %s\n", strerror(errno));
    ctx->features = api.features;
    return 0;
}

static int lazy_watch(struct lazy_ctx *ctx)
{
    struct uffdio_register reg = {
        .range = { .start = (uintptr_t)ctx->area, .len = ctx->len },
        .mode = UFFDIO_REGISTER_MODE_MISSING,
    };

    return ioctl(ctx->uffd, UFFDIO_REGISTER, &reg) < 0 ? -errno : 0;
}

int main(void)
{
    struct lazy_ctx ctx = { .uffd = -1, .len = 1 << 20 };

    ctx.area = mmap(NULL, ctx.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ctx.area == MAP_FAILED || lazy_open(&ctx) < 0)
        return 1;
    if (lazy_watch(&ctx) < 0) {
        fprintf(stderr, "lazy: cannot watch the area\n");
        return 1;
    }
    printf("lazy: features %#llx\n", (unsigned long long)ctx.features);
    return 0;
}
