#ifndef DSM_UFFD_H
#define DSM_UFFD_H
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stddef.h>
#define TRY(op) do { int try_rc_ = (op); if (try_rc_ < 0) return -1; } while (0)
#define UFFD_CALL(d, req, arg) TRY(dsm_ioctl((d)->fd, (req), (arg)))
struct dsm;
typedef int (*event_fn)(struct dsm *, struct uffd_msg *);
struct dsm {
	int fd;
	void *base;
	size_t length;
	const struct dsm_ops { event_fn on[8]; } *ops;
	int guests[32];
	unsigned nguests;
	/* allocated before anything forks: fork() holds the locks of malloc() while it waits */
	struct uffd_msg *message;
};
int dsm_ioctl(int fd, unsigned long request, void *arg);
int dsm_open(struct dsm *d, uint64_t features);
int dsm_arm(struct dsm *d);
int dsm_pump(struct dsm *d);
#endif
