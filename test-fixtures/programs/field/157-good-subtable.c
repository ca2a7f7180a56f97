// style: features out of a table, and daemon()
/* restores an image lazily, then goes to the background */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <linux/userfaultfd.h>

static const struct feature {
	const char *name;
	uint64_t bit;
	int wanted;
} features[] = {
	{ "thread-id",	UFFD_FEATURE_THREAD_ID,		1 },
	{ "shmem",	UFFD_FEATURE_MISSING_SHMEM,	0 },
	{ "hugetlbfs",	UFFD_FEATURE_MISSING_HUGETLBFS,	0 },
	{ NULL, 0, 0 }
};

struct image {
	int uffd;
	char *mem, *data;
	size_t pg, pages;
	unsigned long served;
};

static uint64_t feature_mask(void)
{
	uint64_t m = 0;

	for (const struct feature *f = features; f->name; f++)
		if (f->wanted)
			m |= f->bit;
	return m;
}

static int image_put(struct image *im, size_t i)
{
	struct uffdio_copy c = {
		.dst = (uintptr_t)im->mem + i * im->pg,
		.src = (uintptr_t)im->data + i * im->pg,
		.len = im->pg,
	};

	return ioctl(im->uffd, UFFDIO_COPY, &c) == -1 && errno != EEXIST ? -errno : 0;
}

static void *image_thread(void *arg)
{
	struct image *im = arg;
	struct uffd_msg m;

	while (read(im->uffd, &m, sizeof m) == (ssize_t)sizeof m) {
		if (m.event != UFFD_EVENT_PAGEFAULT)
			continue;
		im->served++;
		image_put(im, (m.arg.pagefault.address - (uintptr_t)im->mem) / im->pg);
	}
	return NULL;
}

static int image_open(struct image *im)
{
	struct uffdio_api api = { .api = UFFD_API, .features = feature_mask() };
	struct uffdio_register r = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t t;

	if ((im->uffd = syscall(SYS_userfaultfd, O_CLOEXEC)) == -1)
		return -errno;
	if (ioctl(im->uffd, UFFDIO_API, &api) == -1)
		return -errno;
	r.range.start = (uintptr_t)im->mem;
	r.range.len = im->pg * im->pages;
	if (ioctl(im->uffd, UFFDIO_REGISTER, &r) == -1)
		return -errno;
	return -pthread_create(&t, NULL, image_thread, im);
}

/* pull in the rest and let go of the range */
static int image_finish(struct image *im)
{
	struct uffdio_range r = { (uintptr_t)im->mem, im->pg * im->pages };

	for (size_t i = 0; i < im->pages; i++)
		if (image_put(im, i) < 0)
			return -1;
	return ioctl(im->uffd, UFFDIO_UNREGISTER, &r);
}

static int background(struct image *im, int foreground)
{
	if (foreground)
		return 0;
	if (image_finish(im) < 0)
		return -1;
	return daemon(1, 1);
}

int main(int argc, char **argv)
{
	static struct image im = { .pages = 6 };
	int c, fg = 0, rc, good = 0;

	while ((c = getopt(argc, argv, "f")) != -1)
		fg |= c == 'f';
	im.pg = sysconf(_SC_PAGESIZE);
	im.mem = mmap(0, im.pg * im.pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	im.data = mmap(0, im.pg * im.pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (im.mem == MAP_FAILED || im.data == MAP_FAILED)
		return 1;
	memset(im.data, 'D', im.pg * im.pages);
	rc = image_open(&im);
	if (rc) {
		fprintf(stderr, "image: %s\n", strerror(-rc));
		return 1;
	}
	good += im.mem[0] == 'D';
	if (background(&im, fg) < 0)
		return 1;
	for (size_t i = 1; i < im.pages; i++)
		good += im.mem[i * im.pg] == 'D';
	printf("%d of %zu pages right, %lu served\n", good, im.pages, im.served);
	return good != (int)im.pages;
}
