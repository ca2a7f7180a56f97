// style: one list of features, read twice by a macro that is defined anew for each
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define WANTED(X) \
	X(UFFD_FEATURE_EVENT_FORK) \
	X(UFFD_FEATURE_EVENT_REMOVE)

#define X(bit) #bit,
static const char *const names[] = { WANTED(X) };
#undef X

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffd_msg msg;
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return 1;
#define X(bit) | bit
	api.features = 0 WANTED(X);
#undef X
	if (ioctl(fd, UFFDIO_API, &api)) {
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			fprintf(stderr, "wanted %s\n", names[i]);
		return 1;
	}
	while (read(fd, &msg, sizeof(msg)) == (ssize_t)sizeof(msg)) {
		switch (msg.event) {
		case UFFD_EVENT_FORK:
			close((int)msg.arg.fork.ufd);
			break;
		case UFFD_EVENT_REMOVE:
			puts("removed");
			break;
		}
	}
	return 0;
}
