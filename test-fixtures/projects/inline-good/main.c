#include "uffd.h"
#include "space.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>

static struct table table;

int main(void)
{
	pthread_t thread;
	char *mem;
	int fd, st;
	pid_t pid;

	table.psz = sysconf(_SC_PAGESIZE);
	mem = mmap(NULL, 4 * table.psz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		return 1;
	fd = uffd_create(O_NONBLOCK);
	if (fd == -1) {
		perror("userfaultfd");
		return 1;
	}
	if (uffd_enable(fd, UFFD_WANT) == -1) {
		perror("enable");
		return 1;
	}
	if (table_attach(&table, fd) == -1) {
		perror("attach");
		return 1;
	}
	if (uffd_register(fd, mem, 4 * table.psz, UFFDIO_REGISTER_MODE_MISSING) == -1) {
		perror("register");
		return 1;
	}
	if (pthread_create(&thread, NULL, table_serve, &table))
		return 1;
	mem[0] = 'm';
	pid = fork();
	if (pid == -1)
		return 1;
	if (pid == 0)
		_exit(mem[0] == 'm' && mem[table.psz] == 0 ? 0 : 1);
	waitpid(pid, &st, 0);
	table.quit = 1;
	pthread_join(thread, NULL);
	printf("child %d, %u spaces\n", WEXITSTATUS(st), table.count);
	return 0;
}
