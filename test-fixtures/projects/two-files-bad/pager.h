#ifndef PAGER_H
#define PAGER_H

#include <stddef.h>

struct pager {
	int uffd;
	int stop[2];
	void *area;
	size_t size;
	int child;
};

int pager_open(struct pager *p, size_t size);
void *pager_serve(void *arg);

#endif
