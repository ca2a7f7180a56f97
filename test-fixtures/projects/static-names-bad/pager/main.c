#include <linux/userfaultfd.h>
#include <unistd.h>

int monitor_start(void);
void monitor_handle(struct uffd_msg *msg);

int main(void)
{
	struct uffd_msg msg;
	int fd = monitor_start();

	if (fd < 0)
		return 1;
	while (read(fd, &msg, sizeof(msg)) == sizeof(msg))
		monitor_handle(&msg);
	return 0;
}
