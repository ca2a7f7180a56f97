#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "uffd.h"

/* A worker reads its page; one more process has none. */
static void run_worker(struct watch *w, int n)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(n < WATCH_CHILDREN ? w->mem[n * w->page] : 0);
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

int main(void)
{
	struct watch w;

	if (watch_open(&w, 4) < 0 || watch_start(&w) != 0)
		return 1;
	for (int i = 0; i <= WATCH_CHILDREN; i++)
		run_worker(&w, i);
	watch_stop(&w);
	printf("workers are done\n");
	return 0;
}
