#ifndef PAGER_H
#define PAGER_H
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALL(fd, req, arg, lbl) do { if (ioctl((fd), (req), (arg)) == -1) { fprintf(stderr, "%s:%d %s: %s\n", __FILE__, __LINE__, #req, strerror(errno)); goto lbl; } } while (0)
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

struct pager;
struct slave { int fd; uint64_t served; struct slave *next; };
struct pager {
	struct slave *slaves;
	void *zero;
	size_t len;
	char *area;
	unsigned stop;
};
typedef int (*handler_fn)(struct pager *, struct slave *, const struct uffd_msg *);
int pager_start(struct pager *p, pthread_t *t);
struct slave *pager_adopt(struct pager *p, int fd);
#endif
