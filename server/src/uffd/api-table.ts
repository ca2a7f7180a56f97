/** Features, requests and modes in one table: what rules, hover texts and documentation say of a constant. */
import { FEATURES } from './features.ts';
import { MODES } from './modes.ts';
import { REQUESTS } from './requests.ts';
import { CHANGES, type Evidence } from './versions.ts';

export interface ApiConstant {
  readonly kind: 'feature' | 'request' | 'mode';
  readonly name: string;
  /** The bit, or the number of the request. */
  readonly value: bigint;
  readonly since: string;
  /** What UFFDIO_API asks for before it grants the feature, and since when. */
  readonly privilege: string | undefined;
  /** A feature whose request only tests for support. */
  readonly inert: boolean;
  readonly evidence: Evidence;
  readonly says: string;
}

const capability = CHANGES.find((c) => c.fact === 'forkNeedsCapability')!;
const capabilitySince = [capability.since, ...capability.backports.map((b) => `${b}.y`)].join(', ');

export const API_TABLE: readonly ApiConstant[] = [
  ...FEATURES.map((f) => ({
    kind: 'feature' as const,
    name: f.name,
    value: f.bit,
    since: f.since,
    privilege: f.privilege === undefined ? undefined : `${f.privilege} (${capabilitySince})`,
    inert: f.inert,
    evidence: f.evidence,
    says: f.governs,
  })),
  ...REQUESTS.map((r) => ({
    kind: 'request' as const,
    name: r.name,
    value: BigInt(r.number),
    since: r.since,
    privilege: undefined,
    inert: false,
    evidence: r.evidence,
    says: r.writes === undefined ? 'writes nothing' : `writes ${r.writes}`,
  })),
  ...MODES.map((m) => ({
    kind: 'mode' as const,
    name: m.name,
    value: m.bit,
    since: m.since,
    privilege: undefined,
    inert: false,
    evidence: m.evidence,
    says: `${m.request}: ${m.says}`,
  })),
];
