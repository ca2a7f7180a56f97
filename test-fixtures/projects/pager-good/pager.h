#ifndef PAGER_H
#define PAGER_H

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

struct pager;

struct pager_ops {
	/* Fills one page. */
	int (*load)(struct pager *p, int fd, uint64_t address);
	void (*forked)(struct pager *p, int fd);
	void (*removed)(struct pager *p, uint64_t start, uint64_t end);
};

struct pager {
	int fd;
	int wake[2];
	const struct pager_ops *ops;
	pthread_t thread;
	char *base;
	size_t len;
	size_t page;
	int kids[16];
	int nkids;
	unsigned loads;
};

extern const struct pager_ops zero_ops;

int pager_open(struct pager *p, const struct pager_ops *ops, size_t npages);
int pager_run(struct pager *p);
void pager_stop(struct pager *p);

#endif
