// style: children in a poll array
// userfaultfd demo in the manner of the manual page, extended to forked children
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#define MAX_TASKS 10

static int page_size;
static struct pollfd tasks[MAX_TASKS];
static nfds_t ntasks;

static int
open_uffd(void)
{
    int                fd;
    struct uffdio_api  uffdio_api;

    fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (fd == -1)
        err(EXIT_FAILURE, "userfaultfd");

    memset(&uffdio_api, 0, sizeof(uffdio_api));
    uffdio_api.api = UFFD_API;
    uffdio_api.features = UFFD_FEATURE_EVENT_FORK;
    if (ioctl(fd, UFFDIO_API, &uffdio_api) == -1)
        err(EXIT_FAILURE, "ioctl-UFFDIO_API");
    return fd;
}

static void
register_area(int fd, void *addr, size_t len)
{
    struct uffdio_register  uffdio_register;

    memset(&uffdio_register, 0, sizeof(uffdio_register));
    uffdio_register.range.start = (unsigned long) addr;
    uffdio_register.range.len = len;
    uffdio_register.mode = UFFDIO_REGISTER_MODE_MISSING;
    if (ioctl(fd, UFFDIO_REGISTER, &uffdio_register) == -1)
        err(EXIT_FAILURE, "ioctl-UFFDIO_REGISTER");
}

static void
on_pagefault(int fd, const struct uffd_msg *msg)
{
    static char         *page = NULL;
    static int          fault_cnt = 0;
    struct uffdio_copy  uffdio_copy;

    if (page == NULL) {
        page = mmap(NULL, page_size, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            err(EXIT_FAILURE, "mmap");
    }
    memset(page, 'A' + fault_cnt % 20, page_size);
    fault_cnt++;

    memset(&uffdio_copy, 0, sizeof(uffdio_copy));
    uffdio_copy.src = (unsigned long) page;
    uffdio_copy.dst = (unsigned long) msg->arg.pagefault.address &
                                      ~(page_size - 1);
    uffdio_copy.len = page_size;
    while (ioctl(fd, UFFDIO_COPY, &uffdio_copy) == -1) {
        if (errno != EAGAIN)
            err(EXIT_FAILURE, "ioctl-UFFDIO_COPY");
        uffdio_copy.copy = 0;
    }
}

static void
on_fork(const struct uffd_msg *msg)
{
    nfds_t  slot;

    if (ntasks == MAX_TASKS)
        errx(EXIT_FAILURE, "too many tasks");
    slot = ntasks++;
    tasks[slot].fd = msg->arg.fork.ufd;
    tasks[slot].events = POLLIN;
}

static void *
fault_handler_thread(void *arg)
{
    ssize_t          nread;
    struct uffd_msg  msg;

    (void) arg;
    for (;;) {
        nfds_t  n = ntasks;

        if (poll(tasks, n, -1) == -1)
            err(EXIT_FAILURE, "poll");

        for (nfds_t i = 0; i < n; i++) {
            if (!(tasks[i].revents & POLLIN))
                continue;
            nread = read(tasks[i].fd, &msg, sizeof(msg));
            if (nread == -1) {
                if (errno == EAGAIN)
                    continue;
                err(EXIT_FAILURE, "read");
            }
            if (nread == 0)
                errx(EXIT_FAILURE, "EOF on userfaultfd!");

            switch (msg.event) {
            case UFFD_EVENT_PAGEFAULT:
                on_pagefault(tasks[i].fd, &msg);
                break;
            case UFFD_EVENT_FORK:
                on_fork(&msg);
                break;
            default:
                errx(EXIT_FAILURE, "unexpected event %u", msg.event);
            }
        }
    }
}

int
main(void)
{
    char       *addr;
    int        s, wstatus;
    size_t     len;
    pid_t      pid;
    pthread_t  thr;

    page_size = sysconf(_SC_PAGE_SIZE);
    len = 6 * page_size;

    tasks[ntasks].fd = open_uffd();
    tasks[ntasks].events = POLLIN;
    ntasks++;

    addr = mmap(NULL, len, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (addr == MAP_FAILED)
        err(EXIT_FAILURE, "mmap");
    register_area(tasks[0].fd, addr, len);

    s = pthread_create(&thr, NULL, fault_handler_thread, NULL);
    if (s != 0) {
        errno = s;
        err(EXIT_FAILURE, "pthread_create");
    }

    printf("Parent read %c\n", addr[0]);
    fflush(stdout);
    pid = fork();
    if (pid == -1)
        err(EXIT_FAILURE, "fork");
    if (pid == 0)
        _exit(addr[page_size] == 0);

    if (waitpid(pid, &wstatus, 0) == -1)
        err(EXIT_FAILURE, "waitpid");
    printf("Parent read %c after child %d\n", addr[2 * page_size], wstatus);
    exit(wstatus == 0 ? EXIT_SUCCESS : EXIT_FAILURE);
}
