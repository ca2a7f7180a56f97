/**
 * C functions that have nothing to do with userfaultfd, as programs are full of them: loops, switches, tables, strings,
 * lists, files, and calls of each other. All have the type `long NAME(long n, const char *s)`.
 */
import type { Random } from './random.ts';

/** What the functions need to be seen before them. */
export const PLAIN_INCLUDES = ['ctype.h', 'errno.h', 'fcntl.h', 'stdio.h', 'stdlib.h', 'string.h', 'unistd.h']
  .map((header) => `#include <${header}>\n`)
  .join('');

/** `callees` are functions of the same type that may be called. */
type Template = (random: Random, name: string, callees: readonly string[]) => string;

/** One function, of a kind that `random` chooses. */
export function plainFunction(random: Random, name: string, callees: readonly string[]): string {
  return random.pick(TEMPLATES)(random, name, callees);
}

function call(random: Random, callees: readonly string[], n: string): string {
  return callees.length === 0 ? `(${n})` : `${random.pick(callees)}(${n}, s)`;
}

const hash: Template = (random, name) => `/* Mixes the characters of s into n. */
long ${name}(long n, const char *s)
{
	unsigned long h = ${random.between(1000, 99999)}ul + (unsigned long)n;

	while (*s) {
		h ^= (unsigned char)*s++;
		h *= ${random.between(3, 9999) | 1}ul;
		if (h & ${1 << random.between(3, 12)})
			h = (h << ${random.between(1, 7)}) | (h >> ${random.between(20, 31)});
	}
	return (long)(h % ${random.between(100, 100000)}ul);
}
`;

const machine: Template = (random, name, callees) => {
  const states = random.between(4, 9);
  const cases = Array.from(
    { length: states },
    (_, i) => `		case ${i}:
			if (*s == '${random.pick(['a', 'x', '-', '/', ':', '0'])}')
				state = ${random.between(0, states - 1)};
			else if (isdigit((unsigned char)*s))
				total += ${i % 2 === 0 ? `*s - '0'` : call(random, callees, 'total')};
			else
				state = ${random.between(0, states - 1)};
			break;
`,
  ).join('');
  return `/*
 * Walks over s with ${states} states and adds up what it finds; n is where it begins.
 */
long ${name}(long n, const char *s)
{
	int state = (int)(n % ${states});
	long total = 0;

	for (; *s != '\\0'; s++) {
		switch (state) {
${cases}		default:
			return -1;
		}
	}
	return total;
}
`;
};

const table: Template = (random, name) => {
  const rows = random.between(8, 24);
  let key = 0;
  const lines = Array.from({ length: rows }, () => {
    key += random.between(1, 40);
    return `	{ ${key}, ${random.between(0, 255)}, "${random.pick(['read', 'write', 'close', 'sync', 'idle'])}" },\n`;
  }).join('');
  return `static const struct {
	long key;
	int weight;
	const char *what;
} ${name}_rows[${rows}] = {
${lines}};

/* The weight of the row whose key is n, or of the row that s names. */
long ${name}(long n, const char *s)
{
	size_t low = 0, high = ${rows};

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (${name}_rows[middle].key == n)
			return ${name}_rows[middle].weight;
		if (${name}_rows[middle].key < n)
			low = middle + 1;
		else
			high = middle;
	}
	for (low = 0; low < ${rows}; low++) {
		if (strcmp(${name}_rows[low].what, s) == 0)
			return ${name}_rows[low].weight;
	}
	return ${random.between(-9, -1)};
}
`;
};

const grid: Template = (random, name, callees) => {
  const [width, height] = [random.between(4, 32), random.between(4, 32)];
  return `long ${name}(long n, const char *s)
{
	long cells[${height}][${width}], best = 0;
	int x, y;

	for (y = 0; y < ${height}; y++) {
		for (x = 0; x < ${width}; x++) {
			cells[y][x] = n * x + y * ${random.between(2, 99)};
			if (x > 0 && y > 0)
				cells[y][x] += cells[y - 1][x - 1];
			if (cells[y][x] > best)
				best = cells[y][x];
		}
	}
	if (best > ${random.between(100, 9999)})
		best = ${call(random, callees, 'best')};
	return best;
}
`;
};

const words: Template = (random, name, callees) => `/* Counts the words of s that are longer than n. */
long ${name}(long n, const char *s)
{
	char *copy = strdup(s), *save = NULL, *word;
	long count = 0;

	if (copy == NULL)
		return -ENOMEM;
	for (word = strtok_r(copy, "${random.pick([' ', ' \\t', ',;', ':'])}", &save); word; word = strtok_r(NULL, " ", &save)) {
		size_t length = strlen(word);

		if (length == 0)
			goto out;
		if ((long)length > n)
			count++;
		else if (word[0] == '#')
			count += ${call(random, callees, 'count')};
	}
out:
	free(copy);
	return count;
}
`;

const file: Template = (random, name) => `/* Reads the head of a file; n is how much of it counts. */
long ${name}(long n, const char *s)
{
	unsigned char buffer[${1 << random.between(6, 10)}];
	ssize_t got;
	long sum = 0;
	int fd;

	fd = open(s, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	while ((got = read(fd, buffer, sizeof(buffer))) > 0) {
		for (ssize_t i = 0; i < got && i < n; i++)
			sum += buffer[i] ${random.pick(['+', '^', '&', '|'])} ${random.between(1, 255)};
	}
	if (got < 0)
		sum = -errno;
	close(fd);
	return sum;
}
`;

const list: Template = (random, name, callees) => `struct ${name}_node {
	struct ${name}_node *next;
	long value;
	char tag[${random.between(4, 32)}];
};

/* Builds a list of n values, sorts them in, and drops it again. */
long ${name}(long n, const char *s)
{
	struct ${name}_node *head = NULL, **at, *node;
	long i, sum = 0;

	for (i = 0; i < n % ${random.between(10, 200)}; i++) {
		node = calloc(1, sizeof(*node));
		if (node == NULL)
			break;
		node->value = ${call(random, callees, 'i')};
		snprintf(node->tag, sizeof(node->tag), "%ld", i);
		for (at = &head; *at && (*at)->value < node->value; at = &(*at)->next)
			;
		node->next = *at;
		*at = node;
	}
	while (head) {
		node = head;
		head = node->next;
		sum += node->value * (long)strlen(node->tag);
		free(node);
	}
	return sum + (s ? 1 : 0);
}
`;

const chain: Template = (random, name, callees) => {
  const steps = Array.from(
    { length: random.between(2, 5) },
    () => `	if (n > ${random.between(0, 500)})
		result += ${call(random, callees, 'result')};
	else
		result -= ${call(random, callees, 'n')};
`,
  ).join('');
  return `long ${name}(long n, const char *s)
{
	long result = ${random.between(0, 99)};

	if (s == NULL)
		return -EINVAL;
${steps}	fprintf(stderr, "${name}: %ld\\n", result);
	return result;
}
`;
};

const COMMON: readonly Template[] = [hash, machine, table, grid, words, list, chain];
/** One function in 22 reads a file. */
const TEMPLATES: readonly Template[] = [...COMMON, ...COMMON, ...COMMON, file];
