#pragma once
#include <stddef.h>

typedef struct lazy_region lazy_region;

enum lazy_error {
	LAZY_OK = 0,
	LAZY_ENOSYS = -1,
	LAZY_EPERM = -2,
	LAZY_ENOMEM = -3,
	LAZY_EIO = -4,
};

lazy_region *lazy_new(size_t pages);
enum lazy_error lazy_negotiate(lazy_region *r);
enum lazy_error lazy_arm(lazy_region *r);
enum lazy_error lazy_start(lazy_region *r);
void *lazy_base(const lazy_region *r);
void lazy_free(lazy_region *r);
const char *lazy_strerror(enum lazy_error e);
