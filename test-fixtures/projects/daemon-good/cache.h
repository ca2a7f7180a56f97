#ifndef CACHE_H
#define CACHE_H
#include <stdbool.h>
#include <stddef.h>

struct cache_options {
	bool foreground;
	bool track_forks;
	size_t pages;
};

void cache_setup(const struct cache_options *opts);
void cache_start_thread(void);
int cache_lookup(size_t key);
#endif
