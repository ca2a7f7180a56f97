#ifndef UTIL_H
#define UTIL_H

#include <sys/types.h>

void die(const char *what) __attribute__((noreturn));
void xioctl(int fd, unsigned long request, void *argument);
pid_t spawn_worker(void);
unsigned checksum(const char *text);

#endif
