/**
 * Library functions the engine knows: what becomes of a descriptor or pointer that is passed, and which model runs.
 * A function that is not here is unknown: what is passed to it escapes. One row each; the reason says why.
 */
export type LibraryKind =
  | 'userfaultfd'
  | 'ioctl'
  | 'read'
  | 'readv'
  | 'close'
  | 'dup'
  | 'dup2'
  | 'fcntl'
  | 'poll'
  | 'epoll-ctl'
  | 'epoll-wait'
  | 'fork'
  | 'forkpty'
  | 'daemon'
  | 'vfork'
  | 'clone'
  | 'syscall'
  | 'spawn-without-copy'
  | 'thread-create'
  | 'thread-join'
  | 'thread-detach'
  | 'thread-cancel'
  | 'thread-exit'
  | 'mutex-lock'
  | 'mutex-unlock'
  | 'wait-child'
  | 'mmap'
  | 'munmap'
  | 'madvise'
  | 'malloc'
  | 'realloc'
  | 'memalign'
  | 'free'
  | 'memset'
  | 'memcpy'
  | 'print'
  | 'exit'
  | 'exec'
  | 'fdopen'
  | 'sendmsg'
  | 'write'
  | 'open'
  | 'pipe'
  | 'sleep'
  | 'pure'
  | 'error-exit';

export interface LibraryFunction {
  readonly name: string;
  readonly kind: LibraryKind;
  /** Arguments (0-based) that the function may keep after it returned; false where it keeps none. */
  readonly keepsArguments: false | readonly number[];
  readonly noreturn: boolean;
  readonly reason: string;
}

interface Group {
  readonly kind: LibraryKind;
  readonly reason: string;
  readonly names: string;
  readonly keeps?: readonly number[];
  readonly noreturn?: boolean;
}

const GROUPS: readonly Group[] = [
  {
    kind: 'userfaultfd',
    names: 'userfaultfd',
    reason: 'userfaultfd(2); glibc has no wrapper, projects name theirs so',
  },
  { kind: 'ioctl', names: 'ioctl', reason: 'ioctl(2): the requests are in uffd/requests.ts' },
  { kind: 'read', names: 'read', reason: 'read(2) takes messages and installs child descriptors' },
  { kind: 'readv', names: 'readv preadv pread pread64', reason: 'reads; pread on a userfaultfd is ESPIPE' },
  { kind: 'close', names: 'close', reason: 'close(2) ends this number' },
  { kind: 'dup', names: 'dup', reason: 'a new reference; the original stays open' },
  { kind: 'dup2', names: 'dup2 dup3', reason: 'a new reference under a chosen number' },
  { kind: 'fcntl', names: 'fcntl fcntl64', reason: 'F_DUPFD duplicates, the flag commands keep nothing' },
  { kind: 'poll', names: 'poll ppoll', reason: 'waits; keeps nothing' },
  { kind: 'epoll-ctl', names: 'epoll_ctl', reason: 'registers interest; event.data is kept by the set' },
  { kind: 'epoll-wait', names: 'epoll_wait epoll_pwait epoll_pwait2', reason: 'waits; fills the event array' },
  { kind: 'fork', names: 'fork _Fork', reason: 'clone without CLONE_VM: copies the address space' },
  { kind: 'forkpty', names: 'forkpty', reason: 'forks (glibc, musl)' },
  { kind: 'daemon', names: 'daemon', reason: 'forks and ends the parent' },
  { kind: 'vfork', names: 'vfork', reason: 'shares the address space: no event' },
  { kind: 'clone', names: 'clone __clone2', reason: 'by flags: uffd/clone.ts' },
  { kind: 'syscall', names: 'syscall', reason: 'the system call that its first argument names' },
  {
    kind: 'spawn-without-copy',
    names: 'posix_spawn posix_spawnp system popen pclose wordexp wordfree',
    reason: 'glibc 2.34 and later use clone(CLONE_VM | CLONE_VFORK): no event',
  },
  { kind: 'thread-create', names: 'pthread_create thrd_create', reason: 'another root in the same memory' },
  { kind: 'thread-join', names: 'pthread_join thrd_join', reason: 'waits for a thread to end' },
  { kind: 'thread-detach', names: 'pthread_detach thrd_detach', reason: 'keeps nothing' },
  {
    kind: 'thread-cancel',
    names: 'pthread_cancel pthread_kill pthread_tryjoin_np pthread_timedjoin_np',
    reason: 'does not wait for the thread for sure',
  },
  { kind: 'thread-exit', names: 'pthread_exit thrd_exit', reason: 'ends the thread, not the process', noreturn: true },
  {
    kind: 'mutex-lock',
    names: 'pthread_mutex_lock pthread_spin_lock mtx_lock pthread_rwlock_wrlock',
    reason: 'waits for the holder',
  },
  {
    kind: 'mutex-unlock',
    names: 'pthread_mutex_unlock pthread_spin_unlock mtx_unlock pthread_rwlock_unlock',
    reason: 'releases',
  },
  { kind: 'wait-child', names: 'wait waitpid wait3 wait4 waitid', reason: 'waits for a child process unless WNOHANG' },
  { kind: 'mmap', names: 'mmap mmap64', reason: 'a new mapping, or MAP_FAILED' },
  { kind: 'munmap', names: 'munmap', reason: 'ends the mapping and its registration' },
  {
    kind: 'madvise',
    names: 'madvise posix_madvise',
    reason: 'MADV_DONTFORK and MADV_WIPEONFORK take a range out of fork()',
  },
  {
    kind: 'malloc',
    names: 'malloc calloc valloc aligned_alloc memalign pvalloc kzalloc xzalloc zalloc',
    reason: 'a new heap object or null',
  },
  { kind: 'realloc', names: 'realloc reallocarray', reason: 'the same object, moved' },
  { kind: 'memalign', names: 'posix_memalign', reason: 'a new heap object through its first argument' },
  { kind: 'free', names: 'free', reason: 'ends a heap object' },
  { kind: 'memset', names: 'memset bzero', reason: 'fills' },
  { kind: 'memcpy', names: 'memcpy memmove mempcpy bcopy', reason: 'copies' },
  {
    kind: 'print',
    names:
      'printf fprintf dprintf vprintf vfprintf snprintf sprintf vsnprintf perror puts fputs putchar putc fputc fflush syslog vsyslog warn warnx vwarn vwarnx psignal fwrite',
    reason: 'shows a value to a person; keeps nothing',
  },
  {
    kind: 'exit',
    names:
      'exit _exit _Exit abort quick_exit err errx verr verrx __assert_fail __builtin_trap __builtin_unreachable longjmp siglongjmp',
    reason: 'does not return',
    noreturn: true,
  },
  { kind: 'error-exit', names: 'error error_at_line', reason: 'exits when its status is not zero' },
  {
    kind: 'exec',
    names: 'execl execlp execle execv execvp execvpe execve execveat fexecve',
    reason: 'replaces the program when it succeeds',
  },
  { kind: 'fdopen', names: 'fdopen fdopendir', reason: 'the stream owns the descriptor', keeps: [0] },
  {
    kind: 'sendmsg',
    names: 'sendmsg sendmmsg send sendto',
    reason: 'descriptors and numbers can travel to another process',
    keeps: [1],
  },
  { kind: 'write', names: 'write writev pwrite', reason: 'the bytes may hold a descriptor number', keeps: [1] },
  {
    kind: 'open',
    names:
      'open open64 openat creat memfd_create shm_open socket accept accept4 eventfd timerfd_create signalfd epoll_create epoll_create1 pidfd_open opendir inotify_init inotify_init1 bind listen connect shm_unlink unlink mkstemp fopen fclose fopen64 tmpfile',
    reason: 'another kind of descriptor',
  },
  { kind: 'pipe', names: 'pipe pipe2 socketpair', reason: 'descriptors of another kind' },
  {
    kind: 'sleep',
    names: 'sleep usleep nanosleep clock_nanosleep sched_yield pause alarm setitimer timer_settime',
    reason: 'waits for time',
  },
  {
    kind: 'pure',
    names:
      'strlen strcmp strncmp strerror strcpy strncpy strcat strdup strchr strrchr strstr strtol strtoul strtoull strtoll atoi atol getpid getppid gettid getenv setenv getuid geteuid sysconf getpagesize time clock_gettime gettimeofday rand random srand srandom memcmp isatty kill raise signal sigaction sigemptyset sigaddset sigprocmask pthread_sigmask pthread_self pthread_equal prctl getrlimit setrlimit setpriority nice mprotect mlock munlock mlockall msync mincore fallocate ftruncate fstat stat lstat lseek getopt getopt_long sched_setaffinity sched_getaffinity pthread_mutex_init pthread_mutex_destroy pthread_mutex_trylock pthread_cond_init pthread_cond_destroy pthread_cond_wait pthread_cond_timedwait pthread_cond_signal pthread_cond_broadcast pthread_attr_init pthread_attr_destroy pthread_attr_setstacksize pthread_attr_setdetachstate pthread_barrier_init pthread_barrier_wait pthread_barrier_destroy pthread_setname_np pthread_setaffinity_np pthread_rwlock_rdlock pthread_rwlock_init pthread_setcancelstate pthread_setcanceltype pthread_testcancel sem_init sem_wait sem_post sem_destroy sem_timedwait sem_trywait select pselect setvbuf setbuf fileno feof ferror fgets fgetc getc getchar getline fscanf sscanf scanf qsort abs labs atexit usleep strsignal sigfillset sigdelset shutdown setsockopt getsockopt ioperm personality unshare umask chdir getcwd basename dirname toupper tolower isdigit isalpha isspace strtok strcasecmp strncasecmp memchr memmem ffs __builtin_expect __builtin_popcount atomic_load atomic_store atomic_fetch_add __sync_synchronize __sync_fetch_and_add __atomic_load_n __atomic_store_n __atomic_fetch_add setlocale setsid setpgid getpgid tcsetpgrp munlockall process_madvise mremap sync fsync capset capget access readlink getdents mbind set_mempolicy get_mempolicy move_pages recvmsg recv recvfrom recvmmsg pidfd_send_signal pidfd_getfd epoll_create',
    reason: 'neither keeps a descriptor nor changes one',
  },
];

const TABLE = new Map<string, LibraryFunction>();
for (const g of GROUPS) {
  for (const name of g.names.split(/\s+/)) {
    if (name === '' || TABLE.has(name)) continue;
    TABLE.set(name, {
      name,
      kind: g.kind,
      keepsArguments: g.keeps ?? false,
      noreturn: g.noreturn ?? false,
      reason: g.reason,
    });
  }
}

/** The row of a library function, or undefined for one that is not known. */
export function libraryFunction(name: string): LibraryFunction | undefined {
  return TABLE.get(name) ?? TABLE.get(name.replace(/^__libc_/, ''));
}

/** All rows, for tests and documentation. */
export function libraryFunctions(): readonly LibraryFunction[] {
  return [...TABLE.values()];
}
