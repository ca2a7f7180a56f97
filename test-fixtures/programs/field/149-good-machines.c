// style: machines in a list of sys/queue.h under one lock, read by a thread, forked by another
/*
 * A VMM which restores lazily and forks "clones" of the running machine.
 * All bookkeeping of machines is guarded by vmm->lock.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/queue.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct machine {
	LIST_ENTRY(machine) link;
	int uffd;
	pid_t pid;
	unsigned long faults;
};

LIST_HEAD(machine_list, machine);

struct vmm {
	pthread_mutex_t lock;
	struct machine_list machines;
	struct machine pool[8];
	unsigned used;
	int shutdown;

	struct {
		char *addr;
		size_t len;
		char *backing;
		size_t page;
	} mem;
};

struct server_arg {
	struct vmm *vmm;
	const char *name;
};

static struct machine *machine_get(struct vmm *vmm)
{
	if (vmm->used == sizeof(vmm->pool) / sizeof(vmm->pool[0]))
		return NULL;
	return &vmm->pool[vmm->used++];
}

static int vmm_map(struct vmm *vmm, size_t pages)
{
	vmm->mem.page = getpagesize();
	vmm->mem.len = pages * vmm->mem.page;
	vmm->mem.backing = malloc(vmm->mem.len + vmm->mem.page);
	if (!vmm->mem.backing)
		return -ENOMEM;
	for (size_t i = 0; i < vmm->mem.len; i++)
		vmm->mem.backing[i] = (char)(1 + i / vmm->mem.page);
	vmm->mem.addr = mmap(NULL, vmm->mem.len, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return vmm->mem.addr == MAP_FAILED ? -errno : 0;
}

static int vmm_watch(struct vmm *vmm)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	struct uffdio_register reg;
	struct machine *m;
	int fd, rc;

	fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (ioctl(fd, UFFDIO_API, &api)) {
		rc = -errno;
		goto out_close;
	}
	reg = (struct uffdio_register){
		.range = { (uintptr_t)vmm->mem.addr, vmm->mem.len },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	if (ioctl(fd, UFFDIO_REGISTER, &reg)) {
		rc = -errno;
		goto out_close;
	}
	m = machine_get(vmm);
	if (!m) {
		rc = -ENOSPC;
		goto out_close;
	}
	m->uffd = fd;
	m->pid = getpid();
	LIST_INSERT_HEAD(&vmm->machines, m, link);
	return 0;
out_close:
	close(fd);
	return rc;
}

static int serve_page(struct vmm *vmm, struct machine *m, uintptr_t where)
{
	uintptr_t page = where & ~(vmm->mem.page - 1);
	struct uffdio_copy cp = {
		.dst = page,
		.src = (uintptr_t)vmm->mem.backing + (page - (uintptr_t)vmm->mem.addr),
		.len = vmm->mem.page,
	};

	m->faults++;
	if (ioctl(m->uffd, UFFDIO_COPY, &cp) == 0)
		return 0;
	if (errno == EAGAIN || errno == EEXIST) {
		struct uffdio_range again = { page, vmm->mem.page };

		ioctl(m->uffd, UFFDIO_WAKE, &again);
		return 0;
	}
	return errno == ESRCH ? 0 : -errno;
}

static void handle(struct vmm *vmm, struct machine *m, struct uffd_msg *msg)
{
	struct machine *clone;

	switch (msg->event) {
	case UFFD_EVENT_PAGEFAULT:
		if (serve_page(vmm, m, msg->arg.pagefault.address))
			abort();
		break;
	case UFFD_EVENT_FORK:
		clone = machine_get(vmm);
		if (!clone) {
			close(msg->arg.fork.ufd);
			break;
		}
		clone->uffd = msg->arg.fork.ufd;
		LIST_INSERT_HEAD(&vmm->machines, clone, link);
		break;
	default:
		break;
	}
}

/* Only this thread changes the list. */
static void serve_round(struct vmm *vmm)
{
	struct machine *m, *next;
	struct uffd_msg msg;

	for (m = LIST_FIRST(&vmm->machines); m; m = next) {
		next = LIST_NEXT(m, link);
		while (read(m->uffd, &msg, sizeof(msg)) == sizeof(msg))
			handle(vmm, m, &msg);
	}
}

static void *server(void *p)
{
	struct server_arg *arg = p;
	struct vmm *vmm = arg->vmm;

	while (!__atomic_load_n(&vmm->shutdown, __ATOMIC_ACQUIRE)) {
		serve_round(vmm);
		poll(NULL, 0, 1);
	}
	return NULL;
}

static int clone_machine(struct vmm *vmm, pid_t *out)
{
	size_t bad = 0;
	pid_t pid;

	/* two management threads must not clone at the same time */
	pthread_mutex_lock(&vmm->lock);
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < vmm->mem.len; i += vmm->mem.page)
			bad += vmm->mem.addr[i] != vmm->mem.backing[i];
		_exit(bad != 0);
	}
	pthread_mutex_unlock(&vmm->lock);
	if (pid < 0)
		return -errno;
	*out = pid;
	return 0;
}

int main(void)
{
	static struct vmm vmm = { .lock = PTHREAD_MUTEX_INITIALIZER };
	struct server_arg arg = { .vmm = &vmm, .name = "uffd" };
	pthread_t tid;
	pid_t pids[3];
	int rc, st, bad = 0;

	LIST_INIT(&vmm.machines);
	rc = vmm_map(&vmm, 40);
	if (rc == 0)
		rc = vmm_watch(&vmm);
	if (rc == 0)
		rc = -pthread_create(&tid, NULL, server, &arg);
	if (rc < 0) {
		fprintf(stderr, "vmm: %s\n", strerror(-rc));
		return 1;
	}
	for (int i = 0; i < 3; i++) {
		if (clone_machine(&vmm, &pids[i]) < 0)
			return 1;
		/* the machine goes on meanwhile */
		bad += vmm.mem.addr[i * 5 * vmm.mem.page] != 1 + i * 5;
	}
	for (int i = 0; i < 3; i++) {
		waitpid(pids[i], &st, 0);
		bad += st != 0;
	}
	__atomic_store_n(&vmm.shutdown, 1, __ATOMIC_RELEASE);
	pthread_join(tid, NULL);
	for (unsigned i = 0; i < vmm.used; i++) {
		printf("machine %u: %lu faults\n", i, vmm.pool[i].faults);
		close(vmm.pool[i].uffd);
	}
	return bad != 0;
}
