#ifndef WATCH_UFFD_H
#define WATCH_UFFD_H

#include <pthread.h>
#include <stddef.h>

#define WATCH_CHILDREN 2

struct watch {
	int uffd;
	char *mem;
	size_t size;
	size_t page;
	int children[WATCH_CHILDREN];
	unsigned int nr_children;
	pthread_t thread;
	int stop[2];
};

int watch_open(struct watch *w, size_t pages);
int watch_start(struct watch *w);
void watch_stop(struct watch *w);

#endif
