#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>
#include "pager.h"

int main(void)
{
	struct pager p;
	pthread_t thread;

	if (pipe(p.stop) || pager_open(&p, 65536))
		return 1;
	if (pthread_create(&thread, NULL, pager_serve, &p))
		return 1;
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	if (write(p.stop[1], "", 1) != 1)
		return 1;
	pthread_join(thread, NULL);
	return 0;
}
