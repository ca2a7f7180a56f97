#define _GNU_SOURCE
#include "dsm.h"
#include <pthread.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static struct dsm dsm;

static void *pump(void *unused)
{
	(void)unused;
	dsm_pump(&dsm);
	return NULL;
}

int main(void)
{
	pthread_t t;
	pid_t pid;

	dsm.length = 1 << 20;
	dsm.base = mmap(NULL, dsm.length, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (dsm.base == MAP_FAILED || dsm_open(&dsm, 0) || dsm_arm(&dsm))
		return 1;
	if (pthread_create(&t, NULL, pump, NULL))
		return 1;
	pid = fork();
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	puts("done");
	return 0;
}
