static int uffd_open(void) {
	if (UFFD_EVENT_FORK
