// style: kernel selftest; the second handshake is a test and must fail
// observe: errno EINVAL UFFDIO_API
// observe: output second handshake refused
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define err(msg) \
    do { fprintf(stderr, "ERROR: %s: %s\n", msg, strerror(errno)); exit(1); } while (0)

static void api_test(void)
{
    struct uffdio_api api = { .api = UFFD_API, .features = 0 };
    int uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

    if (uffd < 0)
        err("userfaultfd");
    if (ioctl(uffd, UFFDIO_API, &api))
        err("UFFDIO_API");

    memset(&api, 0, sizeof(api));
    api.api = UFFD_API;
    if (ioctl(uffd, UFFDIO_API, &api) == 0)
        err("UFFDIO_API should fail on an enabled descriptor");
    if (errno != EINVAL)
        err("UFFDIO_API failed with the wrong errno");
    close(uffd);
}

int main(void)
{
    api_test();
    printf("second handshake refused\n");
    return 0;
}
