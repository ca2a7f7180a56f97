#include <linux/userfaultfd.h>
#include "h.h"
int main(void)
{
	return open_it();
}
