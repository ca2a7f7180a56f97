/** Milliseconds since some moment. Asking performance.now() would load perf_hooks, which a short run does not need. */
export function now(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
