// style: kernel selftest with err(); main reads the event and then joins the forking thread
// observe: output fork event taken
// observe: uffd-left 1
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

static void *forker(void *arg)
{
    pid_t pid = fork();

    if (pid < 0)
        err("fork");
    if (!pid)
        _exit(0);
    *(pid_t *)arg = pid;
    return NULL;
}

static void take_fork_event(int uffd)
{
    struct uffd_msg msg;
    ssize_t n;

    do {
        n = read(uffd, &msg, sizeof(msg));
    } while (n < 0 && errno == EINTR);
    if (n != sizeof(msg))
        err("read");
    if (msg.event != UFFD_EVENT_FORK)
        err("not a fork event");
    close(msg.arg.fork.ufd); /* the child only exits */
}

int main(void)
{
    struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_WP };
    size_t len = sysconf(_SC_PAGE_SIZE);
    pthread_t thread;
    pid_t pid;
    char *area;
    int uffd;

    uffd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (uffd < 0)
        err("userfaultfd");
    if (ioctl(uffd, UFFDIO_API, &api))
        err(errno == EPERM ? "UFFDIO_API (fork events need CAP_SYS_PTRACE)" : "UFFDIO_API");
    area = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_ANONYMOUS | MAP_PRIVATE, -1, 0);
    if (area == MAP_FAILED)
        err("mmap");
    reg.range.start = (unsigned long)area;
    reg.range.len = len;
    if (ioctl(uffd, UFFDIO_REGISTER, &reg))
        err("register");

    if (pthread_create(&thread, NULL, forker, &pid))
        err("pthread_create");
    take_fork_event(uffd);
    if (pthread_join(thread, NULL))
        err("pthread_join");
    waitpid(pid, NULL, 0);
    printf("fork event taken\n");
    return 0;
}
