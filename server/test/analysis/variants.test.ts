import assert from 'node:assert/strict';
import { type Analyser, type AnalysisOptions, createAnalyser } from '../../src/analysis/analyse.ts';
import { MAX_VARIANTS } from '../../src/analysis/variants.ts';

/** A program with a reader of one thread; what stands in the places is given. */
function program(parts: {
  top?: string;
  features?: string;
  handshake?: string;
  fork?: string;
  before?: string;
}): string {
  return `#include <linux/userfaultfd.h>
${parts.top ?? ''}
static void *reader(void *arg)
{
	int fd = *(int *)arg;
	struct uffd_msg msg;
	while (read(fd, &msg, sizeof(msg)) == sizeof(msg)) {
		switch (msg.event) {
		case UFFD_EVENT_PAGEFAULT:
			break;
${parts.fork ?? ''}
		}
	}
	return 0;
}
int main(void)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };
	pthread_t thread;
	int uffd = syscall(SYS_userfaultfd, 0);
	if (uffd < 0)
		return 1;
	api.features = 0;
${parts.features ?? ''}
${parts.handshake ?? '	if (ioctl(uffd, UFFDIO_API, &api)) return 1;'}
	if (ioctl(uffd, UFFDIO_REGISTER, &reg)) return 1;
${parts.before ?? ''}
	if (pthread_create(&thread, 0, reader, &uffd)) return 1;
	pause();
	return 0;
}
`;
}

const FORK = '	api.features |= UFFD_FEATURE_EVENT_FORK;';
const CLOSE = '		case UFFD_EVENT_FORK:\n			close(msg.arg.fork.ufd);\n			break;';
const HANDSHAKE = '	if (ioctl(uffd, UFFDIO_API, &api)) return 1;';

describe('variants', () => {
  let analyser: Analyser;
  before(async () => {
    analyser = await createAnalyser();
  });
  const analyse = async (text: string, options?: AnalysisOptions) => {
    const result = await analyser.analyse([{ path: 'a.c', text }], options);
    return {
      variants: result.statistics.variants,
      found: result.findings.map((f) => (f.condition === undefined ? f.ruleId : `${f.ruleId} if ${f.condition}`)),
    };
  };

  const cases: Record<string, [string, string[]]> = {
    'a feature under a condition': [
      program({ features: `#ifdef USE_FORK\n${FORK}\n#endif` }),
      ['unhandled-fork-event if defined(USE_FORK)'],
    ],
    'a feature that a build likely wants': [
      program({ features: `#ifdef HAVE_FORK\n${FORK}\n#endif` }),
      ['unhandled-fork-event if defined(HAVE_FORK)'],
    ],
    'a case under the same condition as its feature': [
      program({ features: `#ifdef USE_FORK\n${FORK}\n#endif`, fork: `#ifdef USE_FORK\n${CLOSE}\n#endif` }),
      [],
    ],
    'a case that a build leaves out': [
      program({ features: FORK, fork: `#ifndef NO_FORK\n${CLOSE}\n#endif` }),
      ['unhandled-fork-event if defined(NO_FORK)'],
    ],
    'the last group of a chain': [
      program({
        handshake: `#if defined(WITH_PROBE)\n${HANDSHAKE}\n#elif defined(USE_RAW)\n	(void)api;\n#else\n${HANDSHAKE}\n#endif`,
      }),
      ['missing-api-handshake if !defined(WITH_PROBE) && defined(USE_RAW)'],
    ],
    'one condition in another': [
      program({ features: `#ifdef USE_A\n#ifdef USE_B\n${FORK}\n#endif\n#endif` }),
      ['unhandled-fork-event if defined(USE_A) && defined(USE_B)'],
    ],
    'a value': [program({ handshake: `#if USE_API\n${HANDSHAKE}\n#endif` }), ['missing-api-handshake if !USE_API']],
    'a comparison': [
      program({ handshake: `#if LEVEL >= 3\n${HANDSHAKE}\n#endif` }),
      ['missing-api-handshake if !(LEVEL >= 3)'],
    ],
    'two conditions': [
      program({ handshake: `#if defined(A_B) || defined(C_D)\n#else\n${HANDSHAKE}\n#endif` }),
      ['missing-api-handshake if defined(A_B) || defined(C_D)'],
    ],
    'a macro that is defined in two ways': [
      program({
        top: '#ifdef WITH_FORK\n#define WANTED UFFD_FEATURE_EVENT_FORK\n#else\n#define WANTED 0\n#endif',
        features: '	api.features |= WANTED;',
      }),
      ['unhandled-fork-event if defined(WITH_FORK)'],
    ],
    'a function that is defined in two ways': [
      program({
        top: `#ifdef USE_FORK\nstatic __u64 wanted(void) { return UFFD_FEATURE_EVENT_FORK; }\n#else\nstatic __u64 wanted(void) { return 0; }\n#endif`,
        features: '	api.features |= wanted();',
      }),
      ['unhandled-fork-event if defined(USE_FORK)'],
    ],
    'nothing where a defect does not depend on it': [
      program({ features: FORK, before: '#ifdef TRACE\n	counter = 1;\n#endif' }),
      ['unhandled-fork-event'],
    ],
  };
  for (const [name, [text, expected]] of Object.entries(cases)) {
    it(`tell of ${name}`, async () => {
      assert.deepEqual((await analyse(text)).found, expected);
    });
  }

  it('are not made of what is known', async () => {
    const text = program({ features: `#ifdef USE_FORK\n${FORK}\n#endif` });
    const known: [AnalysisOptions, string[]][] = [
      [{ defines: { USE_FORK: '1' } }, ['unhandled-fork-event']],
      [{ undefined: ['USE_FORK'] }, []],
      [{ defines: { USE_FORK: '1' }, undefined: ['USE_FORK'] }, []],
    ];
    const build = { defines: {}, undefined: [], includePaths: [], forcedIncludes: [] };
    known.push([{ configurationOf: () => build }, []]);
    known.push([{ configurationOf: () => ({ ...build, defines: { USE_FORK: '' } }) }, ['unhandled-fork-event']]);
    for (const [options, expected] of known)
      assert.deepEqual(await analyse(text, options), { variants: 0, found: expected });
    const open = `#include "config.h"\n${text}`;
    assert.equal((await analyse(open, { configurationOf: () => build })).variants, 1, 'a header that is missing');
  });

  const idle: Record<string, string> = {
    'the platform': '#ifdef __APPLE__\n	return 2;\n#endif\n#if defined(__x86_64__) && __GNUC__ >= 4\n	n = 1;\n#endif',
    'what only shows': '#ifdef VERBOSE\n	printf("%d\\n", uffd_none); /* x = 1; */\n#endif'.replace('uffd_none', 'n'),
    'what is known': '#if 0\n	return 2;\n#endif\n#ifdef UFFD_FEATURE_EVENT_FORK\n	n = 1;\n#endif',
    'headers and versions that can be told':
      '#if __has_include(<linux/userfaultfd.h>)\n	n = 1;\n#endif\n#if KERNEL_VERSION(5, 7, 0) > KERNEL_VERSION(4, 11, 0)\n	n = 1;\n#endif',
    'macros that only show':
      '#ifdef VERBOSE\n#define SAY(...) printf(__VA_ARGS__)\n#else\n#define SAY(...) do { } while (0)\n#endif\n	SAY("%d", n);',
    'rows of a table that name no function':
      'static const char *names[] = {\n#ifdef EVENT_X\n	"x",\n#endif\n	"y" };\n	puts(names[n]);',
    'a default': '#ifndef LIMIT\n#define LIMIT 3\n#endif',
  };
  for (const [name, before] of Object.entries(idle)) {
    it(`are not made of ${name}`, async () => {
      assert.deepEqual(await analyse(program({ before })), { variants: 0, found: [] });
    });
  }

  it('are not made of functions that do not matter', async () => {
    const other = 'int other(int n)\n{\n#ifdef FAST\n	return n;\n#endif\n	return n + 1;\n}\n';
    assert.deepEqual(await analyse(program({}) + other), { variants: 0, found: [] });
  });

  it('are bounded', async () => {
    const many = Array.from({ length: 20 }, (_, i) => `#ifdef C${i}\n	n = ${i};\n#endif`).join('\n');
    assert.deepEqual(await analyse(program({ before: many })), { variants: MAX_VARIANTS, found: [] });
    // What speaks of userfaultfd goes first.
    const last = `#ifdef Z\n${FORK}\n#endif`;
    assert.deepEqual(await analyse(program({ before: many, features: last })), {
      variants: MAX_VARIANTS,
      found: ['unhandled-fork-event if defined(Z)'],
    });
  });
});
