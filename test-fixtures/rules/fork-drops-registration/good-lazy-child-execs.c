// style: man-page; lazily filled area, the fork child only execs
// observe: output parent sees 7
// observe: output from the program
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
#include <sys/wait.h>
#include <unistd.h>

static long page_size;
static char fill[65536] __attribute__((aligned(65536)));

static void *fault_handler_thread(void *arg)
{
    int uffd = *(int *)arg;

    for (;;) {
        struct uffdio_copy uffdio_copy;
        struct uffd_msg msg;
        ssize_t nread = read(uffd, &msg, sizeof(msg));

        if (nread == -1 && errno == EINTR)
            continue;
        if (nread != sizeof(msg))
            err(EXIT_FAILURE, "read");
        if (msg.event != UFFD_EVENT_PAGEFAULT)
            errx(EXIT_FAILURE, "unexpected event");

        uffdio_copy.src = (unsigned long)fill;
        uffdio_copy.dst = (unsigned long)msg.arg.pagefault.address & ~(page_size - 1);
        uffdio_copy.len = page_size;
        uffdio_copy.mode = 0;
        uffdio_copy.copy = 0;
        if (ioctl(uffd, UFFDIO_COPY, &uffdio_copy) == -1)
            err(EXIT_FAILURE, "ioctl-UFFDIO_COPY");
    }
}

int main(void)
{
    struct uffdio_api uffdio_api = { .api = UFFD_API, .features = 0 };
    struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
    static int uffd;
    pthread_t thr;
    char *addr;
    pid_t pid;

    page_size = sysconf(_SC_PAGE_SIZE);
    memset(fill, 7, sizeof(fill));
    uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (uffd == -1)
        err(EXIT_FAILURE, "userfaultfd");
    if (ioctl(uffd, UFFDIO_API, &uffdio_api) == -1)
        err(EXIT_FAILURE, "ioctl-UFFDIO_API");
    addr = mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (addr == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    reg.range.start = (unsigned long)addr;
    reg.range.len = 2 * page_size;
    if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
        err(EXIT_FAILURE, "ioctl-UFFDIO_REGISTER");
    if (pthread_create(&thr, NULL, fault_handler_thread, &uffd) != 0)
        errx(EXIT_FAILURE, "pthread_create");

    printf("parent sees %d\n", addr[0]);
    fflush(stdout);
    pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        execl("/bin/sh", "sh", "-c", "echo from the program", (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
    return 0;
}
