/* ÿþ not UTF-8 */
#include <linux/userfaultfd.h>
int main(void)
{
	struct uffd_msg msg;
	int fd = syscall(SYS_userfaultfd, 0);

	if (fd < 0)
		return 1;
	read(fd, &msg, sizeof(msg)); // expect: missing-api-handshake
	return 0;
}
