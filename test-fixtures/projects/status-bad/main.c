#include "lazy.h"

#include <stdio.h>
#include <string.h>

int main(void)
{
	lazy_region *r = lazy_new(4);
	enum lazy_error e;
	char *p;

	if (!r) {
		fputs("no region\n", stderr);
		return 1;
	}
	lazy_negotiate(r);
	if ((e = lazy_arm(r)) != LAZY_OK || (e = lazy_start(r)) != LAZY_OK) {
		fprintf(stderr, "lazy: %s\n", lazy_strerror(e));
		lazy_free(r);
		return 1;
	}
	p = lazy_base(r);
	printf("%d\n", p[100]);
	return 0;
}
