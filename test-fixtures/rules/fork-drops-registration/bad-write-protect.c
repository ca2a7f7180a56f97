// style: struct ctx with helpers; write tracking, the child's writes go unreported
// observe: output child sees 0 reports
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct dirty_log {
    int uffd;
    char *base;
    size_t len, page;
    atomic_int *reports; /* shared with the child */
};

static int dirty_protect(struct dirty_log *log, uintptr_t start, size_t len, int on)
{
    struct uffdio_writeprotect wp = {
        .range = { .start = start, .len = len },
        .mode = on ? UFFDIO_WRITEPROTECT_MODE_WP : 0,
    };
    return ioctl(log->uffd, UFFDIO_WRITEPROTECT, &wp);
}

static void *dirty_thread(void *arg)
{
    struct dirty_log *log = arg;
    struct uffd_msg msg;

    for (;;) {
        ssize_t n = read(log->uffd, &msg, sizeof(msg));

        if (n < 0 && errno == EINTR)
            continue;
        if (n != sizeof(msg))
            abort();
        if (msg.event != UFFD_EVENT_PAGEFAULT)
            abort();
        atomic_fetch_add(log->reports, 1);
        if (dirty_protect(log, msg.arg.pagefault.address & ~(log->page - 1), log->page, 0) < 0)
            abort();
    }
}

static int dirty_start(struct dirty_log *log)
{
    struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_PAGEFAULT_FLAG_WP };
    struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
    pthread_t tid;

    log->uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (log->uffd < 0)
        return -1;
    if (ioctl(log->uffd, UFFDIO_API, &api) < 0)
        goto fail;
    reg.range.start = (uintptr_t)log->base;
    reg.range.len = log->len;
    if (ioctl(log->uffd, UFFDIO_REGISTER, &reg) < 0 || dirty_protect(log, (uintptr_t)log->base, log->len, 1) < 0)
        goto fail;
    if (pthread_create(&tid, NULL, dirty_thread, log) == 0)
        return 0;
fail:
    close(log->uffd);
    return -1;
}

int main(void)
{
    static struct dirty_log log;
    pid_t pid;

    log.page = sysconf(_SC_PAGESIZE);
    log.len = 4 * log.page;
    log.base = mmap(NULL, log.len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    log.reports = mmap(NULL, log.page, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (log.base == MAP_FAILED || log.reports == MAP_FAILED)
        return 1;
    memset(log.base, 1, log.len);
    if (dirty_start(&log) < 0) {
        perror("dirty_start");
        return 1;
    }
    pid = fork();    // expect: fork-drops-registration
    if (pid == 0) {
        memset(log.base, 2, log.len);
        printf("child sees %d reports\n", atomic_load(log.reports));
        exit(0);
    }
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return pid < 0;
}
