#define _GNU_SOURCE
#include "cache.h"
#include "log.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct cache_options opts = { .pages = 16, .track_forks = true };
	int i;

	for (i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "-f"))
			opts.foreground = true;
		else if (!strcmp(argv[i], "--no-forks"))
			opts.track_forks = false;
		else
			die("usage: %s [-f] [--no-forks]", argv[0]);
	}
	if (!opts.foreground && daemon(1, 1) < 0)
		die("daemon");
	cache_setup(&opts);
	cache_start_thread();
	printf("lookup: %d\n", cache_lookup(3 * 4096));
	fflush(stdout);
	return 0;
}
