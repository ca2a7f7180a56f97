// style: a batch of which the first message is copied
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <stdlib.h>
#include <unistd.h>
#include <fcntl.h>
int main(void)
{
	struct uffd_msg msgs[8], msg;
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(__NR_userfaultfd, O_CLOEXEC);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api))
		return 1;
	for (;;) {
		ssize_t n = read(fd, msgs, sizeof(msgs)); // expect: leaked-child-uffd
		if (n <= 0)
			exit(1);
		msg = msgs[0];
		if (msg.event == UFFD_EVENT_FORK) {
			close(msg.arg.fork.ufd);
			continue;
		}
	}
}
