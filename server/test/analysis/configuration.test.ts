import assert from 'node:assert/strict';
import { type Analyser, type AnalysisOptions, createAnalyser } from '../../src/analysis/analyse.ts';

const MAIN = `#include <linux/userfaultfd.h>
#include "shared.h"
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	int uffd = syscall(SYS_userfaultfd, 0);
	if (uffd < 0)
		return 1;
	HANDSHAKE(uffd, &api);
	return ioctl(uffd, UFFDIO_REGISTER, &reg);
}
`;
const GOOD = '#define HANDSHAKE(fd, a) if (ioctl(fd, UFFDIO_API, a)) return 1\n';
const BAD = '#define HANDSHAKE(fd, a) printf("%d", fd)\n';
const NOTHING = { defines: {}, undefined: [], includePaths: [], forcedIncludes: [] };

describe('configuration', () => {
  let analyser: Analyser;
  before(async () => {
    analyser = await createAnalyser();
  });
  const findings = async (headers: Readonly<Record<string, string>>, options: AnalysisOptions = {}, text = MAIN) => {
    const asked: string[] = [];
    const result = await analyser.analyse([{ path: 'src/main.c', text }], {
      readFile: (path) => {
        asked.push(path);
        return headers[path];
      },
      ...options,
    });
    return { found: result.findings.map((f) => f.ruleId), asked, notes: result.notAnalysed };
  };
  const MISSING = ['missing-api-handshake'];

  it('takes headers from beside the file, then from -I, then from the database', async () => {
    const includePaths = ['one'];
    const configurationOf = () => ({ ...NOTHING, includePaths: ['two/'] });
    const all = { 'src/shared.h': BAD, 'one/shared.h': GOOD, 'two/shared.h': BAD };
    assert.deepEqual((await findings(all, { includePaths, configurationOf })).found, MISSING);
    const { 'src/shared.h': _, ...two } = all;
    assert.deepEqual((await findings(two, { includePaths, configurationOf })).found, []);
    const { 'one/shared.h': __, ...one } = two;
    assert.deepEqual((await findings(one, { includePaths, configurationOf })).found, MISSING);
  });

  it('does without a header that is missing', async () => {
    const text = MAIN.replace('HANDSHAKE(uffd, &api)', 'if (ioctl(uffd, UFFDIO_API, &api)) return 1');
    const { found, notes } = await findings({}, {}, text);
    assert.deepEqual([found, notes], [[], []]);
  });

  it('reads project headers in angles, and never those of the system', async () => {
    const text = `#include <stdio.h>\n#include <sys/ioctl.h>\n${MAIN.replace('"shared.h"', '<project/shared.h>')}`;
    const { found, asked } = await findings({ 'include/project/shared.h': GOOD }, { includePaths: ['include'] }, text);
    assert.deepEqual(found, []);
    assert.deepEqual([...new Set(asked)], ['include/project/shared.h']);
  });

  it('reads headers that the build includes first', async () => {
    const text = MAIN.replace('#include "shared.h"\n', '');
    const configurationOf = () => ({ ...NOTHING, forcedIncludes: ['config.h'] });
    assert.deepEqual((await findings({ 'config.h': GOOD }, { configurationOf }, text)).found, []);
    assert.deepEqual((await findings({ 'config.h': BAD }, { configurationOf }, text)).found, MISSING);
  });

  it('takes macros from the database, and those of the command line before them', async () => {
    const headers = { 'src/shared.h': `#ifdef SKIP\n${BAD}#else\n${GOOD}#endif\n` };
    const configurationOf = () => ({ ...NOTHING, defines: { SKIP: '1' } });
    assert.deepEqual((await findings(headers, { configurationOf })).found, MISSING);
    assert.deepEqual((await findings(headers, { configurationOf, undefined: ['SKIP'] })).found, []);
    const undefined_ = () => ({ ...NOTHING, undefined: ['SKIP'] });
    assert.deepEqual((await findings(headers, { configurationOf: undefined_ })).found, []);
    assert.deepEqual((await findings(headers, { configurationOf: undefined_, defines: { SKIP: '' } })).found, MISSING);
  });

  it('links a name to the definition in the same target', async () => {
    const main = `void begin(int fd, void *api);\n${MAIN.replace('#include "shared.h"\n', '').replace('HANDSHAKE', 'begin')}`;
    const good = 'void begin(int fd, void *api) { if (ioctl(fd, UFFDIO_API, api)) exit(1); }\n';
    const bad = 'void begin(int fd, void *api) { printf("%d", fd + UFFD_API); }\n';
    const run = async (targets: Readonly<Record<string, string>>) => {
      const files = [
        { path: 'app/main.c', text: main },
        { path: 'x/begin.c', text: good },
        { path: 'y/begin.c', text: bad },
      ];
      const targetsOf = (path: string) => (targets[path] === undefined ? [] : [targets[path]]);
      return (await analyser.analyse(files, { targetsOf })).findings.map((f) => f.ruleId);
    };
    assert.deepEqual(await run({ 'app/main.c': 'a', 'x/begin.c': 'a', 'y/begin.c': 'b' }), []);
    assert.deepEqual(await run({ 'app/main.c': 'a', 'x/begin.c': 'b', 'y/begin.c': 'a' }), MISSING);
    assert.deepEqual(await run({}), [], 'neither: what it does to the descriptor is not known');
  });
});
