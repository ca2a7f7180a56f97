#ifndef SPACE_H
#define SPACE_H
#include <poll.h>
#include <stddef.h>

#define MAX_SPACES 8

struct space {
	int fd;
	unsigned faults;
	int alive;
};

struct table {
	struct space spaces[MAX_SPACES];
	unsigned count;
	size_t psz;
	volatile int quit;
};

int table_attach(struct table *t, int fd);
void *table_serve(void *arg);
#endif
