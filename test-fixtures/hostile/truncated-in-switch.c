#include <linux/userfaultfd.h>
#include <unistd.h>

static void serve(int uffd) // not-analysed: quarantine
{
	struct uffd_msg msg;

	while (read(uffd, &msg, sizeof(msg)) == sizeof(msg)) {
		switch (msg.event) {
		case UFFD_EVENT_FORK:
			if (msg.arg.fork.ufd
