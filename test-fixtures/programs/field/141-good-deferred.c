// style: messages wait in a list before anybody looks at them
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
struct pend { struct uffd_msg m; struct pend *next; };
static int ufd;
static struct pend *head;
int main(void)
{
    struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
    ufd = syscall(SYS_userfaultfd, O_CLOEXEC);
    if (ufd < 0 || ioctl(ufd, UFFDIO_API, &a))
        return 1;
    for (;;) {
        struct pend *p = malloc(sizeof *p);
        if (!p)
            abort();
        if (read(ufd, &p->m, sizeof p->m) != sizeof p->m) {
            free(p);
            continue;
        }
        p->next = NULL;
        head = p;
        while ((p = head)) {
            head = p->next;
            if (p->m.event == UFFD_EVENT_FORK)
                close(p->m.arg.fork.ufd);
            free(p);
        }
    }
}
