// style: contexts with a count of references; what a thread that does not start would have held is forgotten
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct context {
	int uffd;
	int references;
	int is_closed;
};

static void put(struct context *context)
{
	if (--context->references > 0)
		return;
	if (!context->is_closed) {
		context->is_closed = 1;
		close(context->uffd);
	}
	free(context);
}

static struct context *wrap(int uffd)
{
	struct context *context = calloc(1, sizeof(*context));

	if (!context) {
		close(uffd);
		return NULL;
	}
	context->references = 1;
	context->uffd = uffd;
	return context;
}

static void *monitor(void *arg)
{
	struct context *own = arg;
	struct uffd_msg msg;
	pthread_t thread;

	while (read(own->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		if (msg.event == UFFD_EVENT_FORK) { // expect: leaked-child-uffd
			struct context *child = wrap((int)msg.arg.fork.ufd);

			if (!child)
				continue;
			if (pthread_create(&thread, NULL, monitor, child))
				free(child);
			else
				pthread_detach(thread);
		}
	}
	put(own);
	return NULL;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int uffd = syscall(SYS_userfaultfd, 0);
	struct context *root;

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	root = wrap(uffd);
	if (root)
		monitor(root);
	return 0;
}
