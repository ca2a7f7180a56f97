#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include "util.h"

void die(const char *what)
{
	perror(what);
	exit(1);
}

void xioctl(int fd, unsigned long request, void *argument)
{
	if (ioctl(fd, request, argument) < 0)
		die("ioctl");
}
