// style: kernel selftest with err(); the monitor shakes hands on the child's descriptor
// observe: errno EINVAL UFFDIO_API
// observe: exit 1
#define _GNU_SOURCE
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

#define err(msg) \
    do { fprintf(stderr, "ERROR: %s: %s\n", msg, strerror(errno)); exit(1); } while (0)

static unsigned long page_size;

static void copy_page(int fd, unsigned long addr)
{
    static char page[65536] __attribute__((aligned(65536))) = "filled";
    struct uffdio_copy copy = { .dst = addr & -page_size, .src = (unsigned long)page, .len = page_size };
    struct uffdio_range range = { .start = copy.dst, .len = page_size };

    if (ioctl(fd, UFFDIO_COPY, &copy) == 0)
        return;
    /* EAGAIN, the mapping is changing: let the thread fault again */
    if (errno != EAGAIN || ioctl(fd, UFFDIO_WAKE, &range))
        err("copy");
}

static void *monitor(void *arg)
{
    int uffd = *(int *)arg, child;
    struct uffd_msg msg;
    ssize_t n;

    for (;;) {
        n = read(uffd, &msg, sizeof(msg));
        if (n < 0 && errno == EINTR)
            continue;
        if (n != sizeof(msg))
            err("read");
        switch (msg.event) {
        case UFFD_EVENT_FORK: {
            struct uffdio_api api = { .api = UFFD_API };

            child = msg.arg.fork.ufd;
            if (ioctl(child, UFFDIO_API, &api))    // expect: repeated-handshake
                err("UFFDIO_API on the child");
            close(child); /* it only exits */
            break;
        }
        case UFFD_EVENT_PAGEFAULT:
            copy_page(uffd, msg.arg.pagefault.address);
            break;
        }
    }
}

int main(void)
{
    struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
    static int uffd;
    pthread_t thread;
    char *area;
    pid_t pid;

    page_size = sysconf(_SC_PAGE_SIZE);
    uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (uffd < 0)
        err("userfaultfd");
    if (ioctl(uffd, UFFDIO_API, &api))
        err(errno == EPERM ? "UFFDIO_API (fork events need CAP_SYS_PTRACE)" : "UFFDIO_API");
    area = mmap(NULL, page_size, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (area == MAP_FAILED)
        err("mmap");
    reg.range.start = (unsigned long)area;
    reg.range.len = page_size;
    if (ioctl(uffd, UFFDIO_REGISTER, &reg))
        err("register");
    if (pthread_create(&thread, NULL, monitor, &uffd))
        err("pthread_create");

    pid = fork();
    if (pid < 0)
        err("fork");
    if (!pid)
        _exit(0);
    waitpid(pid, NULL, 0);
    printf("area: %s\n", area);
    return 0;
}
