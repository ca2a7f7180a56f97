import assert from 'node:assert/strict';
import type { Finding } from '../../src/rules/finding.ts';
import { finish } from '../../src/rules/run.ts';

function finding(severity: Finding['severity'], condition?: string): Finding {
  return {
    ruleId: 'missing-feature',
    severity,
    message: severity,
    location: { file: 'lib.c', start: 1, end: 2 },
    condition,
    trace: [],
    fixes: [],
    about: '',
    fingerprint: 'f',
  };
}

const severities = (...list: Finding[]) => finish(list).map((f) => f.severity);

describe('findings of programs that share a file', () => {
  it('are one for a place, the gravest, in whatever order they come', () => {
    assert.deepEqual(severities(finding('warning'), finding('error')), ['error']);
    assert.deepEqual(severities(finding('error'), finding('warning')), ['error']);
  });

  it('hold without a condition where one of them does', () => {
    assert.deepEqual(severities(finding('warning'), finding('error', '#if X')), ['warning']);
  });
});
