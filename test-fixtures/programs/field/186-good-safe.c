// style: the Linux Test Project, whose headers lie elsewhere: SAFE_ macros end the test where a call fails
#include "config.h"
#include <poll.h>
#include "tst_test.h"
#include "tst_safe_macros.h"
#include "tst_safe_pthread.h"
#include "lapi/userfaultfd.h"

static int page_size;
static char *page;
static int uffd;

static void set_pages(void)
{
	page_size = sysconf(_SC_PAGE_SIZE);
	page = SAFE_MMAP(NULL, page_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static void *handle_thread(void *arg LTP_ATTRIBUTE_UNUSED)
{
	struct uffd_msg msg;

	for (;;) {
		SAFE_READ(1, uffd, &msg, sizeof(msg));
		if (msg.event == UFFD_EVENT_FORK)
			SAFE_CLOSE(msg.arg.fork.ufd);
		else
			break;
	}
	return NULL;
}

static void run(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg;
	pthread_t thr;

	set_pages();
	TEST(tst_syscall(__NR_userfaultfd, O_CLOEXEC));
	if (TST_RET == -1) {
		if (TST_ERR == EPERM)
			tst_brk(TCONF, "needs the privilege");
		else
			tst_brk(TBROK | TTERRNO, "userfaultfd");
	}
	uffd = TST_RET;
	SAFE_IOCTL(uffd, UFFDIO_API, &api);
	reg.range.start = (unsigned long)page;
	reg.range.len = page_size;
	reg.mode = UFFDIO_REGISTER_MODE_MISSING;
	SAFE_IOCTL(uffd, UFFDIO_REGISTER, &reg);
	SAFE_PTHREAD_CREATE(&thr, NULL, handle_thread, NULL);
	if (!SAFE_FORK())
		exit(page[0]);
	tst_reap_children();
	SAFE_PTHREAD_JOIN(thr, NULL);
	SAFE_CLOSE(uffd);
}

static struct tst_test test = {
	.test_all = run,
	.min_kver = "4.11",
	.forks_child = 1,
};
