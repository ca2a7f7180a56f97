// style: a start-up that calls more deeply than is followed, then the reader
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fd;
static unsigned long long seen;

static int setup(int *out)
{
	struct uffdio_api a = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };

	*out = syscall(SYS_userfaultfd, O_CLOEXEC);
	return *out < 0 ? -1 : ioctl(*out, UFFDIO_API, &a);
}

static int configure(int n)
{
	if (n > 40)
		return ioctl(fd, UFFDIO_API, NULL);
	return n < 0 ? -1 : 0;
}
static int layer1(int n) { return configure(n + 1); }
static int layer2(int n) { return layer1(n + 1); }
static int layer3(int n) { return layer2(n + 1); } // not-analysed: budget
static int layer4(int n) { return layer3(n + 1); }
static int layer5(int n) { return layer4(n + 1); }
static int layer6(int n) { return layer5(n + 1); }
static int layer7(int n) { return layer6(n + 1); }
static int layer8(int n) { return layer7(n + 1); }
static int layer9(int n) { return layer8(n + 1); }
static int layer10(int n) { return layer9(n + 1); }
static int layer11(int n) { return layer10(n + 1); }
static int layer12(int n) { return layer11(n + 1); }
static int layer13(int n) { return layer12(n + 1); }
static int layer14(int n) { return layer13(n + 1); }
static int layer15(int n) { return layer14(n + 1); }
static int layer16(int n) { return layer15(n + 1); }
static int layer17(int n) { return layer16(n + 1); }
static int layer18(int n) { return layer17(n + 1); }
static int layer19(int n) { return layer18(n + 1); }
static int layer20(int n) { return layer19(n + 1); }
static int layer21(int n) { return layer20(n + 1); }
static int layer22(int n) { return layer21(n + 1); }
static int layer23(int n) { return layer22(n + 1); }
static int layer24(int n) { return layer23(n + 1); }
static int layer25(int n) { return layer24(n + 1); }
static int layer26(int n) { return layer25(n + 1); }

static void *reader(void *unused)
{
	struct uffd_msg m;

	while (read(fd, &m, sizeof(m)) == sizeof(m)) {
		switch (m.event) {
		case UFFD_EVENT_PAGEFAULT:
			seen = m.arg.pagefault.address;
			break;
		case UFFD_EVENT_FORK:
			close(m.arg.fork.ufd);
			break;
		}
	}
	return unused;
}

int main(void)
{
	pthread_t t;

	if (setup(&fd) < 0 || layer26(0) < 0)
		return 1;
	if (pthread_create(&t, NULL, reader, NULL))
		return 1;
	return pthread_join(t, NULL);
}
