#include "globals.h"
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static int job(int number)
{
	return g_heap[number * g_page + 5] == 7 ? 0 : 1;
}

int jobs_run(int count)
{
	int i, status, failed = 0;

	for (i = 0; i < count; i++) {
		pid_t pid = fork(); // expect: fork-drops-registration

		if (pid == 0)
			_exit(job(i));
		if (pid < 0 || waitpid(pid, &status, 0) < 0)
			return -1;
		if (status != 0)
			failed++;
	}
	return failed;
}
