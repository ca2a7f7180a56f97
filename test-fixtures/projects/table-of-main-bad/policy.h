struct policy {
	const char *name;
	int (*forked)(int child);
};
const struct policy *policy_find(const char *name);
