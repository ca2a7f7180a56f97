/**
 * What changed between kernel releases in the behaviour that the model describes. New features, requests and modes are
 * in their own tables; here stands what the same call does otherwise.
 */
export type Evidence = 'seen running' | 'source only';

export interface Change {
  readonly fact: FactName;
  readonly since: string;
  /** Stable series that took the change too. */
  readonly backports: readonly string[];
  readonly evidence: Evidence;
  readonly says: string;
}

const FACT_NAMES = [
  'deadOwnerIsEsrch',
  'changingStopsFills',
  'forkNeedsCapability',
  'unprivilegedNeedsUserMode',
  'changingIsCounted',
  'handshakeIsAtomic',
  'opensReadOnly',
  'readvSumsSegments',
  'outMemberOnChanging',
  'foreignUnregisterRefused',
] as const;
export type FactName = (typeof FACT_NAMES)[number];
export type VersionFacts = Readonly<Record<FactName, boolean>> & { readonly version: string };

export const CHANGES: readonly Change[] = [
  {
    fact: 'deadOwnerIsEsrch',
    since: '4.13',
    backports: [],
    evidence: 'seen running',
    says: 'UFFDIO_COPY and UFFDIO_ZEROPAGE for an address space that is gone fail with ESRCH; with ENOSPC before',
  },
  {
    fact: 'changingStopsFills',
    since: '4.18',
    backports: [],
    evidence: 'seen running',
    says: 'filling requests fail with EAGAIN while an event of the context is on its way; they raced with it before',
  },
  {
    fact: 'forkNeedsCapability',
    since: '5.5',
    backports: ['5.4', '4.19', '4.14'],
    evidence: 'seen running',
    says: 'UFFD_FEATURE_EVENT_FORK needs CAP_SYS_PTRACE at UFFDIO_API time',
  },
  {
    fact: 'unprivilegedNeedsUserMode',
    since: '5.11',
    backports: [],
    evidence: 'seen running',
    says: 'without CAP_SYS_PTRACE only UFFD_USER_MODE_ONLY contexts, unless vm.unprivileged_userfaultfd is 1',
  },
  {
    fact: 'changingIsCounted',
    since: '5.15',
    backports: [],
    evidence: 'seen running',
    says: 'mmap_changing counts the events on their way; a flag before, which the first event that ended cleared',
  },
  {
    fact: 'handshakeIsAtomic',
    since: '5.15',
    backports: [],
    evidence: 'seen running',
    says: 'UFFDIO_API tests the arguments, then whether it succeeded before, and zeroes the record on every failure; before, an enabled context was refused first, and its record left alone',
  },
  {
    fact: 'opensReadOnly',
    since: '6.1',
    backports: [],
    evidence: 'seen running',
    says: 'descriptors are read-only: write() fails with EBADF; with EINVAL before',
  },
  {
    fact: 'readvSumsSegments',
    since: '6.10',
    backports: [],
    evidence: 'seen running',
    says: 'readv() counts all its segments together; each alone before',
  },
  {
    fact: 'outMemberOnChanging',
    since: '6.15',
    backports: [],
    evidence: 'seen running',
    says: 'the out member holds -EAGAIN when a filling request fails because an event is on its way; untouched before',
  },
  {
    fact: 'foreignUnregisterRefused',
    since: '6.17',
    backports: [],
    evidence: 'seen running',
    says: 'UFFDIO_UNREGISTER of a range that another context owns fails with EINVAL; it succeeded before',
  },
];

/** The newest release that the tables know. */
export const NEWEST_RELEASE = '6.18';

export function atLeast(version: string, since: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10));
  const [sinceMajor = 0, sinceMinor = 0] = since.split('.').map(Number);
  return major !== sinceMajor ? major > sinceMajor : minor >= sinceMinor;
}

/** What holds for a release; of a series that took a change, its latest stable release is meant. */
export function factsOf(version: string): VersionFacts {
  const series = version.split('.').slice(0, 2).join('.');
  const facts = Object.fromEntries(
    CHANGES.map((c) => [c.fact, atLeast(version, c.since) || c.backports.includes(series)]),
  ) as Record<FactName, boolean>;
  return { ...facts, version };
}
