#include "pager.h"

#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(void)
{
	struct pager pager;
	pid_t pid;

	if (pager_open(&pager, &zero_ops, 8) == -1 || pager_run(&pager) == -1) {
		perror("pager");
		return 1;
	}
	pager.base[0] = 1;
	pid = fork();
	if (pid == -1) {
		perror("fork");
		return 1;
	}
	if (pid == 0)
		_exit(pager.base[3 * pager.page] + pager.base[0] - 1);
	waitpid(pid, NULL, 0);
	printf("%u loads, %d kids\n", pager.loads, pager.nkids);
	pager_stop(&pager);
	return 0;
}
