// style: C11 threads and atomic counts of references
#include <linux/userfaultfd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <threads.h>
#include <unistd.h>

struct session {
	atomic_int references;
	int uffd;
	struct session *parent;
};

static struct session *hold(struct session *session)
{
	if (session)
		atomic_fetch_add_explicit(&session->references, 1, memory_order_relaxed);
	return session;
}

static void release(struct session *session)
{
	while (session && atomic_fetch_sub(&session->references, 1) == 1) {
		struct session *parent = session->parent;

		close(session->uffd);
		free(session);
		session = parent;
	}
}

static struct session *begin(int uffd, struct session *parent)
{
	struct session *session = malloc(sizeof(*session));

	if (!session) {
		close(uffd);
		return NULL;
	}
	atomic_init(&session->references, 1);
	session->uffd = uffd;
	session->parent = hold(parent);
	return session;
}

static int serve(void *arg)
{
	struct session *own = arg;
	struct uffd_msg msg;
	thrd_t thread;

	while (read(own->uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		struct session *child;

		if (msg.event != UFFD_EVENT_FORK)
			continue;
		child = begin((int)msg.arg.fork.ufd, own);
		if (!child)
			continue;
		if (thrd_create(&thread, serve, child) == thrd_success)
			thrd_detach(thread);
		else
			release(child);
	}
	release(own);
	return 0;
}

int main(void)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int uffd = syscall(SYS_userfaultfd, 0);
	struct session *first;

	if (uffd < 0 || ioctl(uffd, UFFDIO_API, &api))
		return 1;
	first = begin(uffd, NULL);
	return first ? serve(first) : 1;
}
