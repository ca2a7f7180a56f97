#include "pager.h"

int main(void)
{
	struct pager p = { .len = 1 << 16 };
	pthread_t t;
	pid_t pid;

	p.zero = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p.zero == MAP_FAILED || pager_start(&p, &t))
		return 1;
	p.area[0] = 1;
	pid = fork();
	if (pid == 0)
		_exit(p.area[8192]);
	waitpid(pid, NULL, 0);
	__atomic_store_n(&p.stop, 1, __ATOMIC_RELAXED);
	pthread_join(t, NULL);
	return 0;
}
