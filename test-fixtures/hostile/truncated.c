static int uffd_open(void) { // not-analysed: quarantine
	if (UFFD_EVENT_FORK
