#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>
#include "policy.h"

static unsigned long children;

static int count_child(int child)
{
	children++;
	return child < 0;
}

struct policy counting = { .name = "count", .forked = count_child };

static void serve(int fd, const struct policy *policy)
{
	struct uffd_msg m;

	while (read(fd, &m, sizeof(m)) == sizeof(m))
		if (m.event == UFFD_EVENT_FORK) // expect: leaked-child-uffd
			policy->forked(m.arg.fork.ufd);
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	const struct policy *policy = policy_find("count");
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (policy == 0 || fd < 0 || ioctl(fd, UFFDIO_API, &api) < 0)
		return 1;
	serve(fd, policy);
	printf("%lu children\n", children);
	return 0;
}
