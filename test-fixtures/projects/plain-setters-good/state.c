#include <unistd.h>
#include "state.h"
static int current = -1;
static int last = -1;
void state_set(int fd)
{
	current = fd;
}
int state_get(void)
{
	return current;
}
void state_keep(int fd)
{
	if (last >= 0)
		close(last);
	last = fd;
}
