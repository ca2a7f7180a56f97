/** Sets and maps that states share: a change gives another one. */

export function withEntry<V>(map: ReadonlyMap<string, V>, key: string, value: V): ReadonlyMap<string, V> {
  return new Map(map).set(key, value);
}

export function withoutEntry<V>(map: ReadonlyMap<string, V>, key: string): ReadonlyMap<string, V> {
  if (!map.has(key)) return map;
  const copy = new Map(map);
  copy.delete(key);
  return copy;
}

export function withMember(set: ReadonlySet<string>, member: string): ReadonlySet<string> {
  return set.has(member) ? set : new Set(set).add(member);
}

export function withoutMembers(set: ReadonlySet<string>, members: ReadonlySet<string>): ReadonlySet<string> {
  const left = [...set].filter((m) => !members.has(m));
  return left.length === set.size ? set : new Set(left);
}

export function holdsAll(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  if (a !== b) for (const member of b) if (!a.has(member)) return false;
  return true;
}

export function sameSet(a: ReadonlySet<string>, b: ReadonlySet<string>): boolean {
  return a.size === b.size && holdsAll(a, b);
}

export function union(a: ReadonlySet<string>, b: ReadonlySet<string>): ReadonlySet<string> {
  return holdsAll(a, b) ? a : new Set([...a, ...b]);
}
