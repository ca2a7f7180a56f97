void state_set(int fd);
int state_get(void);
void state_keep(int fd);
