#define UFFD(x) ioctl(x, UFFDIO_API, &(struct uffdio_api){ .api = UFFD_API })
#define READ read(
#define CLOSE )
#define LOOP for (;;)
