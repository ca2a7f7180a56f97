/** The ioctl requests of a userfaultfd and of /dev/userfaultfd: include/uapi/linux/userfaultfd.h. */
export interface UffdRequest {
  readonly name: string;
  readonly number: number;
  readonly since: string;
  readonly kind: 'handshake' | 'register' | 'unregister' | 'wake' | 'fill' | 'write-protect' | 'new';
}

export const REQUESTS: readonly UffdRequest[] = [
  { name: 'UFFDIO_API', number: 0xc018aa3f, since: '4.3', kind: 'handshake' },
  { name: 'UFFDIO_REGISTER', number: 0xc020aa00, since: '4.3', kind: 'register' },
  { name: 'UFFDIO_UNREGISTER', number: 0x8010aa01, since: '4.3', kind: 'unregister' },
  { name: 'UFFDIO_WAKE', number: 0x8010aa02, since: '4.3', kind: 'wake' },
  { name: 'UFFDIO_COPY', number: 0xc028aa03, since: '4.3', kind: 'fill' },
  { name: 'UFFDIO_ZEROPAGE', number: 0xc020aa04, since: '4.3', kind: 'fill' },
  { name: 'UFFDIO_MOVE', number: 0xc028aa05, since: '6.8', kind: 'fill' },
  { name: 'UFFDIO_WRITEPROTECT', number: 0xc018aa06, since: '5.7', kind: 'write-protect' },
  { name: 'UFFDIO_CONTINUE', number: 0xc020aa07, since: '5.13', kind: 'fill' },
  { name: 'UFFDIO_POISON', number: 0xc020aa08, since: '6.6', kind: 'fill' },
  { name: 'USERFAULTFD_IOC_NEW', number: 0xaa00, since: '6.1', kind: 'new' },
];

export const REQUESTS_BY_NUMBER: ReadonlyMap<number, UffdRequest> = new Map(REQUESTS.map((r) => [r.number, r]));
