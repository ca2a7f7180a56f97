#define _GNU_SOURCE
#include "globals.h"
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int g_uffd = -1;
char *g_heap;
size_t g_heap_size;
size_t g_page;

static void check(long value, const char *what)
{
	if (value != -1)
		return;
	perror(what);
	exit(EXIT_FAILURE);
}

void heap_init(void)
{
	struct uffdio_api api;
	struct uffdio_register reg;

	g_page = (size_t)sysconf(_SC_PAGESIZE);
	g_heap_size = 16 * g_page;
	g_heap = mmap(NULL, g_heap_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	check((long)g_heap, "mmap");
	g_uffd = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
	check(g_uffd, "userfaultfd");
	api.api = UFFD_API;
	api.features = UFFD_FEATURE_EVENT_FORK;
	check(ioctl(g_uffd, UFFDIO_API, &api), "UFFDIO_API");
	reg.range.start = (unsigned long)g_heap;
	reg.range.len = g_heap_size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	check(ioctl(g_uffd, UFFDIO_REGISTER, &reg), "UFFDIO_REGISTER");
}
