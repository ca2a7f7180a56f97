// style: man-page (errExit, fault handler thread), handshake forgotten
// observe: errno EINVAL UFFDIO_REGISTER
// observe: exit 1
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static size_t page_size;
static char source_page[65536] __attribute__((aligned(65536)));

static void *fault_handler_thread(void *arg)
{
    int uffd = (int)(long)arg;

    for (;;) {
        struct uffd_msg msg;
        struct uffdio_copy copy;
        ssize_t nread = read(uffd, &msg, sizeof(msg));

        if (nread == -1 && errno == EINTR)
            continue;
        if (nread != sizeof(msg))
            err(EXIT_FAILURE, "read");
        if (msg.event != UFFD_EVENT_PAGEFAULT)
            errx(EXIT_FAILURE, "unexpected event on userfaultfd");

        memset(source_page, 'A', page_size);
        copy.src = (unsigned long)source_page;
        copy.dst = msg.arg.pagefault.address & ~(page_size - 1);
        copy.len = page_size;
        copy.mode = 0;
        copy.copy = 0;
        if (ioctl(uffd, UFFDIO_COPY, &copy) == -1)
            err(EXIT_FAILURE, "ioctl-UFFDIO_COPY");
    }
}

int main(void)
{
    struct uffdio_register reg;
    pthread_t thr;
    char *addr;
    int uffd, s;

    page_size = sysconf(_SC_PAGE_SIZE);
    uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (uffd == -1)
        err(EXIT_FAILURE, "userfaultfd");

    addr = mmap(NULL, 4 * page_size, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (addr == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");

    reg.range.start = (unsigned long)addr;
    reg.range.len = 4 * page_size;
    reg.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)    // expect: missing-api-handshake
        err(EXIT_FAILURE, "ioctl-UFFDIO_REGISTER");

    s = pthread_create(&thr, NULL, fault_handler_thread, (void *)(long)uffd);
    if (s != 0)
        errx(EXIT_FAILURE, "pthread_create: %s", strerror(s));
    printf("Read: %c\n", addr[0]);
    return 0;
}
