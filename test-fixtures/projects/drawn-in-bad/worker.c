#include <unistd.h>
#include "util.h"

pid_t spawn_worker(void)
{
	pid_t pid = fork(); // expect: fork-event-never-read

	if (pid == 0) {
		execlp("true", "true", (char *)NULL);
		_exit(127);
	}
	return pid;
}
