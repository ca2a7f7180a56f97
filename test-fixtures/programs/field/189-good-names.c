// style: features by name, from a text that is walked by hand
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct named {
	const char *name;
	__u64 bit;
};

static const struct named known[] = {
	{ "fork", UFFD_FEATURE_EVENT_FORK },
	{ "remap", UFFD_FEATURE_EVENT_REMAP },
	{ "remove", UFFD_FEATURE_EVENT_REMOVE },
};

static __u64 parse(const char *text)
{
	__u64 features = 0;

	while (*text) {
		size_t length = strcspn(text, ",");

		for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
			if (length == strlen(known[i].name) && !strncmp(text, known[i].name, length))
				features |= known[i].bit;
		text += length;
		if (*text == ',')
			text += 1;
	}
	return features;
}

int main(int argc, char **argv)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffd_msg msg;
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (argc > 1)
		api.features = parse(argv[1]);
	if (fd < 0 || ioctl(fd, UFFDIO_API, &api)) {
		perror("userfaultfd");
		return 1;
	}
	while (read(fd, &msg, sizeof(msg)) == (ssize_t)sizeof(msg)) {
		switch (msg.event) {
		case UFFD_EVENT_FORK:
			close((int)msg.arg.fork.ufd);
			break;
		case UFFD_EVENT_REMOVE:
			printf("removed %llx\n", msg.arg.remove.start);
			break;
		}
	}
	return 0;
}
