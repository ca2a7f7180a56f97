/**
 * Library functions the engine knows: what becomes of a descriptor or pointer that is passed, and which model runs.
 * A function that is not here is unknown: what is passed to it escapes, and what it points to may have changed. So
 * functions that write the program's own variables through their arguments (scanf, fread, recv, getsockopt) are left out on
 * purpose. A function that the program shows is the one that is meant, whatever has its name here.
 */
import { FORK_FAMILY, type ForkKind } from './fork-family.ts';

export type LibraryKind =
  | ForkKind
  | 'userfaultfd'
  | 'ioctl'
  | 'read'
  | 'readv'
  | 'atomic-store'
  | 'atomic-load'
  | 'atomic-exchange'
  | 'call-once'
  | 'close'
  | 'close-range'
  | 'dup'
  | 'dup2'
  | 'fcntl'
  | 'poll'
  | 'select'
  | 'epoll-create'
  | 'epoll-ctl'
  | 'epoll-wait'
  | 'fd-set'
  | 'syscall'
  | 'thread-join'
  | 'thread-detach'
  | 'thread-cancel'
  | 'thread-exit'
  | 'wait-for-thread'
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
  | 'control-data'
  | 'write'
  | 'open'
  | 'pipe'
  | 'sleep'
  | 'error-exit'
  | 'search'
  | 'at-fork';

export interface LibraryFunction {
  readonly name: string;
  readonly kind: LibraryKind;
  /** Arguments (0-based) that the function may keep after it returned; false where it keeps none. */
  readonly keepsArguments: false | readonly number[];
  readonly noreturn: boolean;
  /** Arguments (0-based) behind which the function writes numbers or text. */
  readonly writes: readonly number[];
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
  // Userfaultfd and descriptors.
  {
    kind: 'userfaultfd',
    names: 'userfaultfd',
    reason: 'userfaultfd(2); glibc has no wrapper, projects name theirs so',
  },
  { kind: 'ioctl', names: 'ioctl', reason: 'ioctl(2): the requests are in uffd/requests.ts' },
  { kind: 'read', names: 'read', reason: 'read(2) takes messages and installs child descriptors' },
  { kind: 'readv', names: 'readv', reason: 'reads messages; which buffers they come to is not followed' },
  { kind: 'pure', names: 'preadv pread pread64', reason: 'ESPIPE on a userfaultfd; reads bytes of another file' },
  { kind: 'close', names: 'close', reason: 'close(2) ends this number' },
  { kind: 'close-range', names: 'close_range closefrom', reason: 'ends many numbers at once' },
  { kind: 'dup', names: 'dup', reason: 'a new reference; the original stays open' },
  { kind: 'dup2', names: 'dup2 dup3', reason: 'a new reference under a chosen number' },
  { kind: 'fcntl', names: 'fcntl fcntl64', reason: 'F_DUPFD duplicates, the flag commands keep nothing' },
  { kind: 'poll', names: 'poll ppoll', reason: 'waits; keeps nothing' },
  {
    kind: 'epoll-create',
    names: 'epoll_create epoll_create1',
    reason: 'makes a set; its number leads to what is in it',
  },
  { kind: 'epoll-ctl', names: 'epoll_ctl', reason: 'registers interest; event.data is kept by the set' },
  { kind: 'epoll-wait', names: 'epoll_wait epoll_pwait epoll_pwait2', reason: 'waits; fills the event array' },
  { kind: 'fdopen', names: 'fdopen fdopendir', reason: 'the stream owns the descriptor', keeps: [0] },
  {
    kind: 'sendmsg',
    names: 'sendmsg sendmmsg send sendto',
    reason: 'descriptors (SCM_RIGHTS) and numbers can travel to another process',
    keeps: [1],
  },
  {
    kind: 'control-data',
    names: 'CMSG_DATA',
    reason: 'SCM_RIGHTS sends a new reference to what is put there; the sender still owns its own (unix(7))',
  },
  { kind: 'write', names: 'write writev pwrite', reason: 'the bytes may hold a descriptor number', keeps: [1] },
  {
    kind: 'open',
    names: `open open64 openat creat memfd_create shm_open socket accept accept4 eventfd timerfd_create signalfd
      posix_openpt pidfd_open inotify_init inotify_init1 mkstemp`,
    reason: 'makes a descriptor of another kind',
  },
  {
    kind: 'open',
    names: 'fopen fopen64 fclose tmpfile opendir closedir',
    reason: 'a stream owns a descriptor of another kind',
  },
  {
    kind: 'open',
    names: 'bind listen connect shm_unlink unlink',
    reason: 'works on a descriptor or a name of another kind',
  },
  { kind: 'pipe', names: 'pipe pipe2 socketpair', reason: 'descriptors of another kind' },

  // Processes and threads; what makes them is in fork-family.ts.
  { kind: 'syscall', names: 'syscall', reason: 'the system call that its first argument names' },
  {
    kind: 'spawn-without-copy',
    names: 'pclose wordfree',
    reason: 'ends what a spawning call made; copies no address space',
  },
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
    names: 'pthread_mutex_lock pthread_spin_lock mtx_lock pthread_rwlock_wrlock pthread_rwlock_rdlock',
    reason: 'waits for the holder',
  },
  {
    kind: 'mutex-unlock',
    names: 'pthread_mutex_unlock pthread_spin_unlock mtx_unlock pthread_rwlock_unlock',
    reason: 'releases',
  },
  {
    kind: 'wait-child',
    names: 'wait waitpid wait3 wait4 waitid',
    reason: 'waits for a child process unless its flags (argument 2, 1, 2, 3 from waitpid on) have WNOHANG',
  },
  { kind: 'at-fork', names: 'pthread_atfork', reason: 'its first argument runs before each fork()' },
  {
    kind: 'exec',
    names: 'execl execlp execle execv execvp execvpe execve execveat fexecve',
    reason: 'replaces the program when it succeeds',
  },
  {
    kind: 'exit',
    names: 'exit _exit _Exit abort quick_exit err errc errx verr verrc verrx __assert_fail',
    reason: 'ends the process',
    noreturn: true,
  },
  {
    kind: 'exit',
    names: '__builtin_trap __builtin_unreachable longjmp siglongjmp',
    reason: 'nothing after it runs; where longjmp goes on is not followed',
    noreturn: true,
  },
  {
    kind: 'exit',
    names: `ksft_exit_pass ksft_exit_fail ksft_exit_fail_msg ksft_exit_fail_perror ksft_exit_skip ksft_exit_xfail
      ksft_exit_xpass ksft_finished tst_brk tst_brkm`,
    reason:
      'ends the test, in the kernel tree (kselftest.h) and in the Linux Test Project, where the header is not there',
    noreturn: true,
  },
  {
    kind: 'print',
    names: `ksft_print_header ksft_set_plan ksft_print_cnts ksft_print_msg ksft_perror ksft_test_result
      ksft_test_result_pass ksft_test_result_fail ksft_test_result_skip tst_res tst_resm`,
    reason: 'tells of a test, where the header is not there',
  },
  { kind: 'error-exit', names: 'error error_at_line', reason: 'exits when its status is not zero' },

  // Memory.
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
  { kind: 'pure', names: 'va_start va_end va_copy', reason: 'walks the arguments of its caller' },
  {
    kind: 'pure',
    names: `mprotect mlock munlock mlockall munlockall msync mincore mremap process_madvise mbind set_mempolicy
      get_mempolicy move_pages`,
    reason: 'changes a mapping and keeps no pointer; no registration ends for sure',
  },

  // What shows, waits or computes.
  {
    kind: 'print',
    names: `printf fprintf dprintf vprintf vfprintf snprintf sprintf vsnprintf perror puts fputs putchar putc fputc
      fflush syslog vsyslog warn warnc warnx vwarn vwarnx psignal fwrite`,
    reason: 'shows a value to a person; keeps nothing',
  },
  {
    kind: 'sleep',
    names: 'sleep usleep nanosleep clock_nanosleep sched_yield pause alarm setitimer timer_settime',
    reason: 'waits for time',
  },
  {
    kind: 'pure',
    names: `strlen strnlen strcmp strncmp strcasecmp strncasecmp strcpy strncpy strcat strncat strdup strndup strchr
      strrchr strstr strspn strcspn strpbrk strtok strtok_r strsep memcmp memchr memmem basename dirname toupper
      tolower isdigit isalpha isalnum isspace isxdigit`,
    reason: 'works on text and bytes',
  },
  {
    kind: 'pure',
    names: 'strtol strtoll strtoul strtoull strtod atoi atol atoll atof abs labs ffs rand random srand srandom',
    reason: 'computes a number',
  },
  {
    kind: 'pure',
    names: 'strerror strsignal strftime localtime gmtime ctime',
    reason: 'text for a number; what it returns belongs to the library',
  },
  {
    kind: 'pure',
    names: 'qsort',
    reason: 'orders an array in place; its comparison function is not followed',
  },
  {
    kind: 'search',
    names: 'bsearch lfind tfind',
    reason: 'searches for what its key leads to; the comparison function, which chooses, is not followed',
  },
  {
    kind: 'pure',
    names: `fgets fgetc getc getchar getline feof ferror fileno setvbuf setbuf fseek ftell rewind readdir
      readlink getdents lseek fstat stat lstat access fallocate ftruncate fsync sync`,
    reason: 'reads bytes or works on a stream or file of another kind',
  },
  { kind: 'fd-set', names: 'FD_SET', reason: 'puts a bit into a set that select() looks at' },
  {
    kind: 'pure',
    names: 'FD_ZERO FD_CLR FD_ISSET',
    reason: 'works on such a set',
  },
  {
    kind: 'select',
    names: 'select pselect',
    reason: 'waits; the sets are bit fields in which no descriptor can be followed',
  },
  {
    kind: 'pure',
    names: 'shutdown setsockopt eventfd_write timerfd_settime htons htonl ntohs ntohl',
    reason: 'works on a descriptor of another kind; keeps nothing',
  },
  {
    kind: 'pure',
    names: `getpid getppid gettid getuid geteuid getgid getegid getpgid getpgrp getenv sysconf getpagesize getcwd
      getrlimit getrusage isatty sched_getaffinity sched_getcpu pidfd_getfd`,
    reason: 'asks the system for a value',
  },
  {
    kind: 'pure',
    names: 'time clock clock_gettime gettimeofday times',
    reason: 'tells the time',
  },
  {
    kind: 'pure',
    names: `setenv unsetenv setrlimit setpriority nice umask chdir setlocale setsid setpgid tcsetpgrp prctl
      personality ioperm iopl capset capget setuid setgid seteuid setegid setreuid setregid setresuid setresgid
      setgroups initgroups sched_setaffinity sched_setscheduler sched_setparam ioprio_set prlimit seccomp ptrace
      setns chroot fchdir pivot_root mount umount umount2 putenv clearenv sethostname setdomainname
      setpgrp getpriority tcgetpgrp`,
    reason: 'changes the process and keeps no descriptor',
  },
  {
    kind: 'pure',
    names: `mkdir mkdirat rmdir unlinkat rename renameat symlink link chmod fchmod chown fchown lchown mknod mkfifo
      truncate utimensat futimens remove`,
    reason: 'changes the file system by name',
  },
  {
    kind: 'pure',
    names:
      'grantpt unlockpt ptsname login_tty ttyname tcgetattr tcsetattr cfmakeraw freopen openlog closelog setlinebuf',
    reason: 'works on a terminal, a stream or the log',
  },
  { kind: 'pure', names: 'inet_pton inet_ntop gethostname uname tzset', reason: 'asks for a name or an address' },
  { kind: 'pure', names: 'getopt getopt_long', reason: 'parses options; optarg points into argv' },
  {
    kind: 'pure',
    names: `kill killpg tgkill sigqueue sigsuspend sigwait sigwaitinfo sigtimedwait raise signal sigaction sigemptyset sigfillset sigaddset sigdelset sigismember sigprocmask
      pthread_sigmask sigaltstack pidfd_send_signal atexit`,
    reason: 'signals and handlers: a handler gets no descriptor from here',
  },
  {
    kind: 'pure',
    names: `pthread_self pthread_equal pthread_setname_np pthread_setaffinity_np pthread_setcancelstate
      pthread_setcanceltype pthread_testcancel pthread_attr_init pthread_attr_destroy pthread_attr_setstacksize
      pthread_attr_setdetachstate`,
    reason: 'properties of threads',
  },
  {
    kind: 'pure',
    names: `pthread_mutex_init pthread_mutex_destroy pthread_mutex_trylock pthread_rwlock_init
      pthread_rwlock_destroy pthread_spin_init pthread_spin_destroy pthread_cond_init pthread_cond_destroy
      pthread_cond_signal pthread_cond_broadcast pthread_barrier_init pthread_barrier_destroy sem_init sem_post
      sem_destroy sem_trywait mtx_init mtx_destroy mtx_trylock cnd_init cnd_destroy cnd_signal cnd_broadcast`,
    reason: 'synchronises; who waits for whom is not followed through it',
  },
  {
    kind: 'wait-for-thread',
    names: `pthread_cond_wait pthread_cond_timedwait pthread_cond_clockwait pthread_barrier_wait sem_wait sem_timedwait
      sem_clockwait cnd_wait cnd_timedwait`,
    reason: 'waits until another thread says so: what lies where both can see it may be taken meanwhile',
  },
  {
    kind: 'pure',
    names: '__builtin_expect __builtin_popcount __sync_synchronize atomic_thread_fence',
    reason: 'computes a number',
  },
  {
    kind: 'atomic-store',
    names: 'atomic_store atomic_store_explicit atomic_init __atomic_store_n __sync_lock_release',
    reason: 'stores its second argument where the first points',
  },
  {
    kind: 'atomic-load',
    names: 'atomic_load atomic_load_explicit __atomic_load_n',
    reason: 'what the pointer leads to',
  },
  {
    kind: 'atomic-exchange',
    names: 'atomic_exchange atomic_exchange_explicit __atomic_exchange_n __sync_lock_test_and_set',
    reason: 'stores its second argument and returns what was there',
  },
  { kind: 'call-once', names: 'pthread_once call_once', reason: 'calls its second argument, the first time' },
];

/** What is written through arguments, beyond what the models of descriptors and messages do themselves. */
const WRITES: ReadonlyMap<string, readonly number[]> = new Map(
  Object.entries({
    strcpy: [0],
    strncpy: [0],
    strcat: [0],
    strncat: [0],
    strsep: [0],
    strtok: [0],
    strtok_r: [0, 2],
    strtol: [1],
    strtoll: [1],
    strtoul: [1],
    strtoull: [1],
    strtod: [1],
    strftime: [0],
    snprintf: [0],
    sprintf: [0],
    vsnprintf: [0],
    fgets: [0],
    getline: [0, 1],
    readlink: [1],
    fstat: [1],
    stat: [1],
    lstat: [1],
    getcwd: [0],
    getrlimit: [1],
    getrusage: [1],
    sched_getaffinity: [2],
    clock_gettime: [1],
    gettimeofday: [0],
    gethostname: [0],
    uname: [0],
    tcgetattr: [1],
    time: [0],
    times: [0],
    nanosleep: [1],
    clock_nanosleep: [3],
    select: [1, 2, 3],
    pselect: [1, 2, 3],
    mincore: [2],
    capget: [1],
    qsort: [0],
    sigemptyset: [0],
    sigfillset: [0],
    sigaddset: [0],
    sigdelset: [0],
    sigaction: [2],
    sigprocmask: [2],
    pthread_sigmask: [2],
    sigaltstack: [1],
    pipe: [0],
    pipe2: [0],
    socketpair: [3],
    getopt_long: [4],
  }),
);

const NONE: readonly number[] = [];

const ROWS: readonly LibraryFunction[] = [
  ...GROUPS.flatMap((g) =>
    g.names.split(/\s+/).map((name) => ({
      name,
      kind: g.kind,
      keepsArguments: g.keeps ?? (false as const),
      noreturn: g.noreturn ?? false,
      writes: WRITES.get(name) ?? NONE,
      reason: g.reason,
    })),
  ),
  ...FORK_FAMILY.map((f) => ({
    name: f.name,
    kind: f.kind,
    keepsArguments: false as const,
    noreturn: false,
    writes: NONE,
    reason: f.reason,
  })),
];

const TABLE: ReadonlyMap<string, LibraryFunction> = new Map(ROWS.map((row) => [row.name, row]));

/** What glibc's own names for its functions begin with. */
const INTERNAL = '__libc_';

/** The row of a library function, or undefined for one that is not known. */
export function libraryFunction(name: string): LibraryFunction | undefined {
  return TABLE.get(name) ?? (name.startsWith(INTERNAL) ? TABLE.get(name.slice(INTERNAL.length)) : undefined);
}

/** All rows, for tests and documentation. */
export function libraryFunctions(): readonly LibraryFunction[] {
  return ROWS;
}
