/** The kernel's tables agree with themselves, with each other and, where it is installed, with the kernel's header. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { KNOWN_CONSTANTS, KNOWN_SIZES } from '../../src/ir/known-constants.ts';
import { CLONE_FILES, CLONE_VM, copiesAddressSpace } from '../../src/uffd/clone.ts';
import { EVENTS, EVENTS_BY_VALUE, FORK_EVENT, FORK_FEATURE } from '../../src/uffd/events.ts';
import { ALL_FEATURE_BITS, FEATURES } from '../../src/uffd/features.ts';
import { REQUESTS, REQUESTS_BY_NUMBER } from '../../src/uffd/requests.ts';

const RELEASE = /^\d+\.\d+$/;

/** The record behind a request's argument: bits 16 to 29 of an ioctl number are its size. */
function sizeInNumber(request: number): number {
  return (request >>> 16) & 0x3fff;
}

describe('uffd tables', () => {
  it('has the 17 features of Linux 6.18, one bit each, without gaps', () => {
    assert.deepEqual(
      FEATURES.map((f) => f.bit),
      Array.from({ length: 17 }, (_, i) => 1n << BigInt(i)),
    );
    assert.equal(ALL_FEATURE_BITS, 0x1ffffn);
    assert.equal(new Set(FEATURES.map((f) => f.name)).size, FEATURES.length);
  });

  it('says of each feature since when it exists, what it governs and who says so', () => {
    for (const f of FEATURES) {
      assert.match(f.since, RELEASE, f.name);
      assert.ok(f.governs.length > 0 && f.source.length > 0, f.name);
    }
    // Section by section the bits that change what the kernel does; all others only test for support.
    assert.deepEqual(
      FEATURES.filter((f) => !f.inert).map((f) => f.bit),
      [1, 2, 3, 6, 7, 8, 11, 13, 15].map((i) => 1n << BigInt(i)),
    );
    assert.deepEqual(
      FEATURES.filter((f) => f.privilege !== undefined).map((f) => f.name),
      ['UFFD_FEATURE_EVENT_FORK'],
    );
  });

  it('gives each event but the page fault a feature that is not inert', () => {
    assert.equal(EVENTS.length, 5);
    assert.equal(EVENTS_BY_VALUE.size, EVENTS.length);
    assert.equal(EVENTS_BY_VALUE.get(FORK_EVENT)?.featureBit, FORK_FEATURE);
    for (const e of EVENTS) {
      const feature = FEATURES.find((f) => f.name === e.featureName);
      assert.equal(feature?.bit, e.featureBit, e.name);
      if (e.name !== 'UFFD_EVENT_PAGEFAULT') assert.equal(feature?.inert, false, e.name);
      assert.ok(e.waits.length > 0, e.name);
    }
  });

  it('has eleven requests whose numbers hold the size of their record', () => {
    assert.equal(REQUESTS.length, 11);
    assert.equal(REQUESTS_BY_NUMBER.size, REQUESTS.length);
    for (const r of REQUESTS) {
      assert.equal(sizeInNumber(r.number), r.size, r.name);
      assert.match(r.since, RELEASE, r.name);
      assert.ok(r.source.length > 0, r.name);
    }
  });

  it('agrees with the constants and sizes that the lowering knows by name', () => {
    for (const f of FEATURES) assert.equal(KNOWN_CONSTANTS.get(f.name), f.bit, f.name);
    for (const e of EVENTS) assert.equal(KNOWN_CONSTANTS.get(e.name), BigInt(e.value), e.name);
    for (const r of REQUESTS) assert.equal(KNOWN_CONSTANTS.get(r.name), BigInt(r.number), r.name);
    assert.equal(KNOWN_CONSTANTS.get('CLONE_VM'), CLONE_VM);
    assert.equal(KNOWN_CONSTANTS.get('CLONE_FILES'), CLONE_FILES);
    const sizes = new Set(REQUESTS.map((r) => r.size));
    for (const [record, size] of KNOWN_SIZES) if (record.startsWith('uffdio_')) assert.ok(sizes.has(size), record);
  });

  it('agrees with the header of the kernel that is installed', function () {
    const assertions = [
      ...FEATURES.map((f) => [f.name, f.bit] as const),
      ...EVENTS.map((e) => [e.name, BigInt(e.value)] as const),
      ...REQUESTS.map((r) => [r.name, BigInt(r.number)] as const),
      ['CLONE_VM', CLONE_VM] as const,
      ['CLONE_FILES', CLONE_FILES] as const,
    ].map(([name, value]) => `#ifdef ${name}\n_Static_assert(${name} == ${value}ULL, "${name}");\n#endif`);
    const source = `#define _GNU_SOURCE\n#include <linux/userfaultfd.h>\n#include <sched.h>\n#include <sys/ioctl.h>\n${assertions.join('\n')}\n`;
    const gcc = spawnSync('gcc', ['-fsyntax-only', '-x', 'c', '-'], { input: source, encoding: 'utf8' });
    if (gcc.error !== undefined || /fatal error: .*No such file/.test(gcc.stderr)) {
      console.log('      skipped: no gcc, or no <linux/userfaultfd.h> (package linux-libc-dev)');
      this.skip();
    }
    assert.equal(gcc.status, 0, gcc.stderr);
  });

  it('lets CLONE_VM alone decide whether the address space is copied', () => {
    const CLONE_VFORK = 0x4000n;
    const CLONE_NEWUSER = 0x10000000n;
    assert.ok(copiesAddressSpace(0n));
    assert.ok(copiesAddressSpace(CLONE_FILES | CLONE_VFORK | CLONE_NEWUSER));
    assert.ok(!copiesAddressSpace(CLONE_VM));
    assert.ok(!copiesAddressSpace(CLONE_VM | CLONE_VFORK));
  });
});
