#include <string.h>
#include "policy.h"

extern struct policy counting;

const struct policy *policy_find(const char *name)
{
	return strcmp(name, counting.name) == 0 ? &counting : 0;
}
