const ENDS = /exit|die|fatal|abort|panic|fail|bail|assert|check|expect|bug/i;

/** A name that says that the function may end the program, where its definition and its attributes are not here. */
export function mayEndByName(name: string): boolean {
  return ENDS.test(name);
}
