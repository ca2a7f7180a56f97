import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type Analyser, createAnalyser, type DumpKind } from '../../src/analysis/analyse.ts';
import { cFiles, FIXTURES, readText } from '../support/fixtures.ts';

const TEXT = `#include <linux/userfaultfd.h>
static int try_open(int flags)
{
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_EVENT_FORK };
	int fd = syscall(SYS_userfaultfd, flags);
	if (fd < 0)
		return -1;
	if (ioctl(fd, UFFDIO_API, &api) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}
int main(void)
{
	return try_open(O_CLOEXEC) < 0;
}
int unrelated(int n)
{
	switch (n) {
	case 1 ... 3:
		return puts("\\"x\\"");
	}
	return 0;
}
`;

describe('dump', () => {
  let analyser: Analyser;
  before(async () => {
    analyser = await createAnalyser();
  });
  const dump = async (kind: DumpKind, name: string, dot = false, text = TEXT) =>
    analyser.dump([{ path: 'a.c', text }], { kind, function: name, dot });

  it('shows the IR of a function, whatever it has to do with userfaultfd', async () => {
    const [text, ...others] = await dump('ir', 'unrelated');
    assert.deepEqual(others, []);
    assert.match(
      text!,
      /^# ir of unrelated, a\.c:18\nunrelated\(n\)\nB0\n {2}switch n \{ 1\.\.\.3: B\d, else: B\d \}\n/,
    );
  });

  it('shows its graph', async () => {
    const [text] = await dump('cfg', 'unrelated');
    assert.match(
      text!,
      /^# cfg of unrelated, a\.c:18\nunrelated\(n\)\nB0 <- entry -> B1 \(1\.\.\.3\), B2 \(else\); 0 instructions\n/,
    );
    assert.match(text!, /\nB2 <- B0 -> return 0; 1 instruction\n$/);
  });

  it('shows its graph for Graphviz', async () => {
    const [text] = await dump('cfg', 'unrelated', true);
    assert.match(text!, /^\/\/ cfg of unrelated, a\.c:18\ndigraph "unrelated" \{\n/);
    assert.match(text!, /\n {2}B0 -> B1 \[label="1\.\.\.3"\];\n/);
    assert.ok(text!.includes('puts(\\"\\\\\\"x\\\\\\"\\")\\l'), text);
  });

  it('shows the states of its blocks with the calls that lead there', async () => {
    const [text] = await dump('states', 'try_open');
    const blocks = text!.split(/^(?=B\d)/m);
    assert.match(blocks[0]!, /^# states of try_open, a\.c:2\n$/);
    assert.match(blocks[1]!, /^B0\n {2}in main > try_open\n {4}flags = 524288\n/);
    const enabled = blocks.find((b) => /handshake enabled/.test(b))!;
    assert.match(enabled, /u1: created at a\.c:5, handshake enabled, EVENT_FORK, blocking\n/);
    assert.match(enabled, /\n {4}fd = u1\n/);
    assert.ok(blocks.some((b) => /handshake failed/.test(b)));
    const [dot] = await dump('states', 'try_open', true);
    assert.match(dot!, /handshake enabled, EVENT_FORK, blocking\\l/);
  });

  it('runs a function for its own sake when nobody calls it, and says what is not reached', async () => {
    const [alone] = await dump('states', 'unrelated');
    assert.match(alone!, /\nB0\n {2}in unrelated\n/);
    const never = 'int main(void) { int n = 0; if (n) return UFFD_API; return 0; }\n';
    const [text] = await dump('states', 'main', false, never);
    assert.match(text!, /\nB\d\n {2}not reached\n/);
  });

  it('knows all functions of a name, and none that is not there', async () => {
    const files = ['a', 'b'].map((f) => ({ path: `${f}.c`, text: 'static int f(void) { return 1; }\n' }));
    assert.equal((await analyser.dump(files, { kind: 'cfg', function: 'f', dot: false })).length, 2);
    assert.deepEqual(await dump('states', 'nobody'), []);
  });

  it('does not change what is found', async () => {
    const paths = cFiles(join(FIXTURES, 'programs', 'demo'));
    for (const path of paths) {
      const files = [{ path, text: readText(path)! }];
      const before = await analyser.analyse(files);
      for (const text of await analyser.dump(files, { kind: 'states', function: 'main', dot: true })) {
        const nodes = new Set([...text.matchAll(/^ {2}(B\d+) \[/gm)].map((m) => m[1]));
        for (const [, from, to] of text.matchAll(/^ {2}(B\d+) -> (B\d+)/gm))
          assert.ok(nodes.has(from) && nodes.has(to));
      }
      assert.deepEqual((await analyser.analyse(files)).findings, before.findings);
    }
  });
});
