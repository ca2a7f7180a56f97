#ifndef REMOTE_H
#define REMOTE_H

#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#define RM_PAGE 4096u

/* sent to the page server along with each userfaultfd */
struct rm_hello {
	uint32_t serial;
	uint32_t is_child;
	uint64_t start;
	uint64_t len;
};

struct rm_client {
	int sock;
	int ufd;
	int quit[2];
	uint32_t serial;
	uint8_t *mem;
	size_t len;
	pthread_t forker_watch;
	unsigned children;
};

/* link.c */
int rm_send(int sock, const struct rm_hello *h, int fd);
int rm_recv(int sock, struct rm_hello *h);

/* server.c: runs in a process of its own */
int rm_server(int sock);

#endif
