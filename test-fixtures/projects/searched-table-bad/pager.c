// style: a table of handlers that is searched, messages on the heap, and a macro around ioctl() that jumps
#include "pager.h"

struct slave *pager_adopt(struct pager *p, int fd)
{
	struct slave *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->fd = fd;
	s->next = p->slaves;
	p->slaves = s;
	return s;
}

static int on_fault(struct pager *p, struct slave *s, const struct uffd_msg *m)
{
	struct uffdio_copy c = {
		.dst = m->arg.pagefault.address & ~4095ull,
		.src = (uintptr_t)p->zero,
		.len = 4096,
	};

	CALL(s->fd, UFFDIO_COPY, &c, fail);
	s->served++;
	return 0;
fail:
	return errno == EEXIST || errno == EAGAIN ? 0 : -1;
}

static const struct { unsigned event; handler_fn fn; } handlers[] = { // expect: unhandled-fork-event
	{ UFFD_EVENT_PAGEFAULT, on_fault },
};

static struct uffd_msg *next_msg(struct slave *s)
{
	struct uffd_msg *m = malloc(sizeof(*m));

	if (!m)
		return NULL;
	if (read(s->fd, m, sizeof(*m)) != sizeof(*m)) {
		free(m);
		return NULL;
	}
	return m;
}

static void *pager_main(void *arg)
{
	struct pager *p = arg;
	struct slave *s;
	struct uffd_msg *m;
	size_t i;

	while (!__atomic_load_n(&p->stop, __ATOMIC_RELAXED)) {
		for (s = p->slaves; s; s = s->next) {
			m = next_msg(s);
			if (!m)
				continue;
			for (i = 0; i < ARRAY_LEN(handlers); i++)
				if (handlers[i].event == m->event)
					break;
			if (i < ARRAY_LEN(handlers) && handlers[i].fn(p, s, m) < 0)
				fprintf(stderr, "event %#x failed\n", m->event);
			free(m);
		}
	}
	return NULL;
}

int pager_start(struct pager *p, pthread_t *t)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);

	if (fd == -1)
		return -1;
	CALL(fd, UFFDIO_API, &api, fail);
	p->area = mmap(NULL, p->len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p->area == MAP_FAILED)
		goto fail;
	reg.range.start = (uintptr_t)p->area;
	reg.range.len = p->len;
	CALL(fd, UFFDIO_REGISTER, &reg, fail);
	if (!pager_adopt(p, fd))
		goto fail;
	if (pthread_create(t, NULL, pager_main, p))
		goto fail;
	return 0;
fail:
	close(fd);
	return -1;
}
