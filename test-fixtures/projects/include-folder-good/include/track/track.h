/* what the program asks the kernel for, in a folder that only the build names */
#ifndef TRACK_H
#define TRACK_H
#include <linux/userfaultfd.h>

#define TRACK_FEATURES (UFFD_FEATURE_EVENT_FORK | UFFD_FEATURE_EVENT_REMAP)
#define TRACK_IS_FORK(m) ((m)->event == UFFD_EVENT_FORK)

int track_open(void);

#endif
