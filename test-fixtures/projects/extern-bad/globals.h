#ifndef GLOBALS_H
#define GLOBALS_H
#include <stddef.h>

extern int g_uffd;
extern char *g_heap;
extern size_t g_heap_size;
extern size_t g_page;

void heap_init(void);
void heap_serve_in_background(void);
int jobs_run(int count);
#endif
