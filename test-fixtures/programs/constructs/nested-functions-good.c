// style: handlers as nested functions; the one for a fork closes the child before
// observe: uffd-left 2
#define _GNU_SOURCE
#include <errno.h>
#include <error.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int server;
static size_t page;

static void *
serve (void *unused)
{
  struct uffd_msg msg;
  int child = -1;

  void
  on_fault (uint64_t address)
  {
    struct uffdio_zeropage zero = {
      .range = { .start = address - address % page, .len = page }
    };

    if (ioctl (server, UFFDIO_ZEROPAGE, &zero) != 0 && errno != EEXIST)
      error (1, errno, "UFFDIO_ZEROPAGE");
  }

  void
  on_fork (void)
  {
    if (child >= 0)
      close (child);
    child = msg.arg.fork.ufd;
  }

  for (;;)
    {
      if (TEMP_FAILURE_RETRY (read (server, &msg, sizeof msg)) != sizeof msg)
        error (1, errno, "read");
      if (msg.event == UFFD_EVENT_FORK)
        on_fork ();
      else if (msg.event == UFFD_EVENT_PAGEFAULT)
        on_fault (msg.arg.pagefault.address);
      else
        break;
    }
  if (child >= 0)
    close (child);
  return unused;
}

static void
prepare (void *start, size_t length)
{
  struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
  struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

  server = syscall (SYS_userfaultfd, O_CLOEXEC);
  if (server < 0)
    error (1, errno, "userfaultfd");
  if (ioctl (server, UFFDIO_API, &api) != 0)
    error (1, errno, "UFFDIO_API");
  reg.range.start = (uintptr_t) start;
  reg.range.len = length;
  if (ioctl (server, UFFDIO_REGISTER, &reg) != 0)
    error (1, errno, "UFFDIO_REGISTER");
}

int
main (void)
{
  pthread_t thread;
  char *data;

  page = sysconf (_SC_PAGESIZE);
  data = mmap (NULL, 4 * page, PROT_READ | PROT_WRITE,
               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED)
    error (1, errno, "mmap");
  prepare (data, 4 * page);
  errno = pthread_create (&thread, NULL, serve, NULL);
  if (errno != 0)
    error (1, errno, "pthread_create");
  data[0] = 1;
  for (int i = 0; i < 2; i++)
    {
      pid_t pid = fork ();

      if (pid < 0)
        error (1, errno, "fork");
      if (pid == 0)
        _exit (0);
      waitpid (pid, NULL, 0);
    }
  usleep (20000); /* the reader may still be at the last event */
  return 0;
}
