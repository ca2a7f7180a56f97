#include "globals.h"
#include <errno.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static char *template_page;

static void answer(int fd, unsigned long long where)
{
	struct uffdio_copy c;

	c.dst = where - where % g_page;
	c.src = (unsigned long)template_page;
	c.len = g_page;
	c.mode = 0;
	while (ioctl(fd, UFFDIO_COPY, &c) == -1) {
		if (errno == EAGAIN)
			continue;
		if (errno != EEXIST && errno != ESRCH)
			perror("UFFDIO_COPY");
		return;
	}
}

static void *serve(void *arg)
{
	int fd = (int)(long)arg;
	struct uffd_msg msg;

	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event == UFFD_EVENT_PAGEFAULT)
			answer(fd, msg.arg.pagefault.address);
	}
	close(fd);
	return NULL;
}

void heap_serve_in_background(void)
{
	pthread_t thread;

	template_page = malloc(g_page);
	if (!template_page)
		abort();
	memset(template_page, 7, g_page);
	if (pthread_create(&thread, NULL, serve, (void *)(long)g_uffd) != 0)
		abort();
}
