#include "globals.h"
#include <stdio.h>

int main(void)
{
	int failed;

	heap_init();
	heap_serve_in_background();
	failed = jobs_run(3);
	printf("%d jobs failed\n", failed);
	return failed;
}
