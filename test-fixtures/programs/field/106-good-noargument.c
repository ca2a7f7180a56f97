// style: a test of UFFDIO_API without an argument
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>
int main(void)
{
	struct uffdio_api *const api = calloc(1, sizeof(*api));
	struct uffdio_register reg = { .mode = 1 };
	int rc, fd = syscall(__NR_userfaultfd, O_NONBLOCK);
	if (fd < 0 || !api)
		return 1;
	rc = ioctl(fd, UFFDIO_API, NULL);
	printf("NULL: %d\n", rc);
	api->api = UFFD_API;
	if (ioctl(fd, UFFDIO_API, api))
		return 1;
	rc = ioctl(fd, UFFDIO_REGISTER, &reg);
	return rc < 0;
}
