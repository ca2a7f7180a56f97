/**
 * Sources that we did not write, for `npm run real-code` and `npm run bench`. They come from Debian packages into
 * .cache/real-code/ and are never part of this repository. Each function fetches what is not there yet and returns why
 * it cannot be had, or nothing.
 */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { gunzipSync } from 'node:zlib';

export const CACHE = '.cache/real-code';
/** Folder of the whole kernel in the cache. */
export const KERNEL_TREE = join(CACHE, 'kernel');
const KERNEL = 'linux-source-6.1';
/** Where the package puts its archive; it need not be downloaded then. */
const INSTALLED = `/usr/src/${KERNEL}.tar.xz`;
const SELFTESTS = 'tools/testing/selftests';
/** What is taken out of the kernel's source: what the programs of `npm run real-code` name and include. */
const SELFTEST_FILES = [
  'kselftest.h',
  'vm/*.[ch]',
  'kvm/demand_paging_test.c',
  'kvm/include/*.h',
  'kvm/lib/assert.c',
  'powerpc/tm/*.[ch]',
  'bpf/prog_tests/bpf_mod_race.c',
];
/** Takes an archive out of a package, and out of the archive what the further arguments say. */
const PIPE =
  'set -o pipefail; deb=$1 archive=$2; shift 2; dpkg-deb --fsys-tarfile "$deb" | tar -xO "$archive" | tar "$@" -f -';
/** Milliseconds after which a download or an archive is given up. */
const TIMEOUT_MS = 30 * 60_000;

/** What escapes in the roff of manual pages stand for. */
const ROFF: Readonly<Record<string, string>> = {
  '\\-': '-',
  '\\e': '\\',
  '\\&': '',
  '\\\\': '\\',
  '\\(aq': "'",
  '\\(dq': '"',
  '\\(ha': '^',
  '\\(ti': '~',
};

/** The programs in the manual pages about userfaultfd, in `man/` of the cache. */
export function manualPages(): string | undefined {
  if (existsSync(join(CACHE, 'man'))) return undefined;
  let folder = '/usr/share/man';
  if (pagesIn(folder).length === 0) {
    const problem = unpack('manpages-dev', (deb, into) => run('dpkg-deb', ['-x', deb, into]));
    if (problem !== undefined) return `no manual pages: ${problem}`;
    folder = join(CACHE, 'manpages-dev/usr/share/man');
  }
  let programs = 0;
  for (const page of pagesIn(folder)) {
    const roff = gunzipSync(readFileSync(page)).toString('utf8');
    for (const [, name, body] of roff.matchAll(/^\.\\" SRC BEGIN \((\S+\.c)\)\n([\s\S]*?)^\.\\" SRC END/gm)) {
      mkdirSync(join(CACHE, 'man'), { recursive: true });
      writeFileSync(join(CACHE, 'man', name!), plainText(body!));
      programs++;
    }
  }
  return programs > 0 ? undefined : 'the manual pages about userfaultfd hold no program';
}

/** The kernel's own tests of userfaultfd, in `selftests/` of the cache. */
export function kernelSelftests(): string | undefined {
  const problem = kernelPart(
    SELFTEST_FILES.map((f) => `*/${SELFTESTS}/${f}`),
    SELFTESTS,
    join(CACHE, 'selftests'),
  );
  return problem === undefined ? undefined : `no kernel selftests: ${problem}`;
}

/** All .c and .h files of the kernel, 1.3 GB, in KERNEL_TREE. Without its .gitignore, which the archive closes to all. */
export function kernelTree(): string | undefined {
  const problem = kernelPart(['*.c', '*.h'], '.', KERNEL_TREE);
  return problem === undefined ? undefined : `no kernel tree: ${problem}`;
}

/** Takes the files that match out of the kernel's archive, and makes `part` of them the folder `target`. */
function kernelPart(patterns: readonly string[], part: string, target: string): string | undefined {
  if (existsSync(target)) return undefined;
  const into = join(CACHE, KERNEL);
  const taking = ['-xJ', '-C', into, '--wildcards', ...patterns];
  let problem: string | undefined;
  if (existsSync(INSTALLED)) {
    rmSync(into, { recursive: true, force: true });
    mkdirSync(into, { recursive: true });
    if (run('tar', [...taking, '-f', INSTALLED]).status !== 0) problem = `${INSTALLED} could not be unpacked`;
  } else {
    problem = unpack(KERNEL, (deb) => run('bash', ['-c', PIPE, 'bash', deb, `.${INSTALLED}`, ...taking]));
  }
  if (problem === undefined) renameSync(join(into, KERNEL, part), target);
  rmSync(into, { recursive: true, force: true });
  return problem;
}

/** Downloads a package and lets `extract` unpack it into a folder of its name. */
function unpack(
  packageName: string,
  extract: (deb: string, into: string) => SpawnSyncReturns<string>,
): string | undefined {
  const into = join(CACHE, packageName);
  rmSync(into, { recursive: true, force: true });
  mkdirSync(into, { recursive: true });
  const download = () => run('apt-get', ['download', packageName], into);
  let got = download();
  if (got.error === undefined && got.status !== 0) {
    run('apt-get', ['update']);
    got = download();
  }
  const deb = readdirSync(into).find((name) => name.endsWith('.deb'));
  if (deb === undefined)
    return `apt-get download ${packageName} failed${got.error === undefined ? '' : ' (no apt-get)'}`;
  const path = join(into, deb);
  const result = extract(path, into);
  rmSync(path);
  return result.status === 0 ? undefined : `${relative(CACHE, dirname(path))} could not be unpacked`;
}

function run(command: string, args: readonly string[], cwd = '.'): SpawnSyncReturns<string> {
  return spawnSync(command, args, { cwd, encoding: 'utf8', timeout: TIMEOUT_MS });
}

/** userfaultfd(2) and the pages of its requests, which newer releases keep apart. */
function pagesIn(man: string): string[] {
  return ['man2', 'man2const'].flatMap((section) =>
    existsSync(join(man, section))
      ? readdirSync(join(man, section))
          .filter((name) => /^(ioctl_)?(userfaultfd|UFFDIO_\w+)\..*\.gz$/.test(name))
          .map((name) => join(man, section, name))
      : [],
  );
}

/** The text of an example in roff: escapes read, requests dropped. */
function plainText(roff: string): string {
  return roff
    .split('\n')
    .filter((line) => !line.startsWith('.'))
    .join('\n')
    .replace(/\\f(\[\w*\]|.)/g, '')
    .replace(/\\\[(aq|dq|ha|ti)\]/g, '\\($1')
    .replace(/\\(\(..|.)/g, (sequence) => ROFF[sequence] ?? sequence);
}
