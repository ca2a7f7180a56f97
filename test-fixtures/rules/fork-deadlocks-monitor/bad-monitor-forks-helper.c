// style: man-page; the monitor thread itself forks a helper when a page is asked for
// observe: fork-blocked
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static unsigned long page_size;

static void notify(void)
{
    pid_t pid = fork();    // expect: fork-deadlocks-monitor

    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0) {
        execl("/bin/true", "true", (char *)NULL);
        _exit(127);
    }
    waitpid(pid, NULL, 0);
}

static void zero_page(int uffd, unsigned long addr)
{
    struct uffdio_range range = { .start = addr & ~(page_size - 1), .len = page_size };
    struct uffdio_zeropage zero = { .range = range, .mode = 0 };

    if (ioctl(uffd, UFFDIO_ZEROPAGE, &zero) == 0)
        return;
    /* EAGAIN, the mapping is changing: let the thread fault again */
    if (errno != EAGAIN || ioctl(uffd, UFFDIO_WAKE, &range) == -1)
        err(EXIT_FAILURE, "ioctl-UFFDIO_ZEROPAGE");
}

static void *monitor(void *arg)
{
    int uffd = *(int *)arg;
    struct uffd_msg msg;

    for (;;) {
        ssize_t nread = read(uffd, &msg, sizeof(msg));

        if (nread == -1 && errno == EINTR)
            continue;
        if (nread != sizeof(msg))
            err(EXIT_FAILURE, "read");
        if (msg.event == UFFD_EVENT_FORK) {
            close(msg.arg.fork.ufd); /* children only exec */
        } else if (msg.event == UFFD_EVENT_PAGEFAULT) {
            notify();
            zero_page(uffd, msg.arg.pagefault.address);
        }
    }
}

int main(void)
{
    struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
    static int uffd;
    pthread_t thr;
    char *addr;

    page_size = sysconf(_SC_PAGE_SIZE);
    uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (uffd == -1)
        err(EXIT_FAILURE, "userfaultfd");
    if (ioctl(uffd, UFFDIO_API, &api) == -1)
        err(EXIT_FAILURE, errno == EPERM ? "fork events need CAP_SYS_PTRACE" : "ioctl-UFFDIO_API");
    addr = mmap(NULL, 2 * page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (addr == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    reg.range.start = (unsigned long)addr;
    reg.range.len = 2 * page_size;
    if (ioctl(uffd, UFFDIO_REGISTER, &reg) == -1)
        err(EXIT_FAILURE, "ioctl-UFFDIO_REGISTER");
    if (pthread_create(&thr, NULL, monitor, &uffd) != 0)
        errx(EXIT_FAILURE, "pthread_create");
    printf("page holds %d\n", addr[0]);
    return 0;
}
