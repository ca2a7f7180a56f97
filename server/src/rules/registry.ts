/** The rule registry: one list. Pages, metadata of reports and completion are generated from it or checked against it. */
import { forkDeadlocksMonitor, forkDropsRegistration, forkEventNeverRead } from './fork.ts';
import { missingApiHandshake, repeatedHandshake, uncheckedHandshake } from './handshake.ts';
import { leakedChildUffd } from './leaked-child-uffd.ts';
import { missingFeature } from './missing-feature.ts';
import { overwrittenParentUffd } from './overwritten-parent-uffd.ts';
import type { Rule } from './rule.ts';
import { unhandledForkEvent } from './unhandled-fork-event.ts';

export const RULES: readonly Rule[] = [
  unhandledForkEvent,
  forkEventNeverRead,
  forkDeadlocksMonitor,
  leakedChildUffd,
  overwrittenParentUffd,
  missingApiHandshake,
  missingFeature,
  forkDropsRegistration,
  repeatedHandshake,
  uncheckedHandshake,
];
