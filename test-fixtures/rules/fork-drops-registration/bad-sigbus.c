// style: SIGBUS mode without a reader, goto cleanup; the child loses the protection
// observe: output child sees 0
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf hole;

static void on_sigbus(int sig)
{
    siglongjmp(hole, sig);
}

static void look(const char *who, volatile char *p)
{
    if (sigsetjmp(hole, 1))
        printf("%s sees a hole\n", who);
    else
        printf("%s sees %d\n", who, *p);
    fflush(stdout);
}

int main(void)
{
    struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_SIGBUS };
    struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
    size_t len = sysconf(_SC_PAGESIZE);
    char *guard = MAP_FAILED;
    int uffd, ret = 1;
    pid_t pid;

    signal(SIGBUS, on_sigbus);
    uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
    if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api) < 0)
        goto out;
    guard = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (guard == MAP_FAILED)
        goto out;
    reg.range.start = (unsigned long)guard;
    reg.range.len = len;
    if (ioctl(uffd, UFFDIO_REGISTER, &reg) < 0)
        goto out;

    look("parent", guard);
    pid = fork();    // expect: fork-drops-registration
    if (pid < 0)
        goto out;
    if (pid == 0) {
        look("child", guard);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    ret = 0;
out:
    if (ret)
        perror("guard");
    if (guard != MAP_FAILED)
        munmap(guard, len);
    if (uffd >= 0)
        close(uffd);
    return ret;
}
