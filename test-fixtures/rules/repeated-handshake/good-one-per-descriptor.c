// style: one handshake in a loop, on another descriptor each turn; a failure falls back to fewer features
// observe: output 3 descriptors enabled
// observe: uffd-left 0
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SHARDS 3
#define NOT_A_FEATURE (1ULL << 40)

struct shard {
	int uffd;
	uint64_t features;
};

static const uint64_t wishes[] = {
	NOT_A_FEATURE | UFFD_FEATURE_THREAD_ID,
	UFFD_FEATURE_THREAD_ID,
	0,
};

static int shard_enable(struct shard *s)
{
	for (unsigned int i = 0; i < sizeof(wishes) / sizeof(wishes[0]); i++) {
		struct uffdio_api api = { .api = UFFD_API, .features = wishes[i] };

		if (ioctl(s->uffd, UFFDIO_API, &api) == 0) {
			s->features = wishes[i];
			return 0;
		}
	}
	return -1;
}

int main(void)
{
	struct shard shards[SHARDS];
	int n, ret = 0;

	for (n = 0; n < SHARDS; n++) {
		shards[n].uffd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
		if (shards[n].uffd < 0)
			break;
		if (shard_enable(&shards[n]) < 0) {
			close(shards[n].uffd);
			break;
		}
	}
	if (n < SHARDS)
		ret = 1;
	printf("%d descriptors enabled\n", n);
	while (n-- > 0)
		close(shards[n].uffd);
	return ret;
}
