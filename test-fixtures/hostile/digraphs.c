%:include <fcntl.h> // not-analysed: quarantine
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
<%
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0)
		return 1;
	return ioctl(fd, UFFDIO_REGISTER, &reg); // misses: missing-api-handshake -- the grammar knows no digraphs
}
