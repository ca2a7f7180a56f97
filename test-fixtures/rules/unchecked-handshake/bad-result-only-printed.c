// style: kernel selftest with err(); the result is kept for the report and never tested
// observe: output API ret=0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#define _err(fmt, ...)                                                   \
    do {                                                                 \
        int ret = errno;                                                 \
        fprintf(stderr, "ERROR: " fmt, ##__VA_ARGS__);                   \
        fprintf(stderr, " (errno=%d, @%s:%d)\n", ret, __FILE__, __LINE__); \
    } while (0)

#define err(fmt, ...)             \
    do {                          \
        _err(fmt, ##__VA_ARGS__); \
        exit(1);                  \
    } while (0)

static int uffd = -1;
static char *area_dst;
static unsigned long nr_pages = 16, page_size;

static void userfaultfd_open(void)
{
    struct uffdio_api uffdio_api;
    int ret;

    uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (uffd < 0)
        err("userfaultfd syscall");
    uffdio_api.api = UFFD_API;
    uffdio_api.features = UFFD_FEATURE_PAGEFAULT_FLAG_WP;
    ret = ioctl(uffd, UFFDIO_API, &uffdio_api);    // expect: unchecked-handshake
    printf("API ret=%d features=%llx\n", ret, (unsigned long long)uffdio_api.features);
}

int main(void)
{
    struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };

    page_size = sysconf(_SC_PAGE_SIZE);
    userfaultfd_open();
    area_dst = mmap(NULL, nr_pages * page_size, PROT_READ | PROT_WRITE,
                    MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (area_dst == MAP_FAILED)
        err("mmap");
    reg.range.start = (unsigned long)area_dst;
    reg.range.len = nr_pages * page_size;
    if (ioctl(uffd, UFFDIO_REGISTER, &reg))
        err("register failure");
    close(uffd);
    return 0;
}
