/** Long work beside a running editor. */

/** Milliseconds of work between two turns of the event loop. */
const SLICE_MS = 8;

/** Awaited between steps of work: lets messages through when a slice is full. */
export function slices(): () => Promise<void> | undefined {
  let until = performance.now() + SLICE_MS;
  return () => {
    if (performance.now() < until) return undefined;
    return new Promise((resolve) =>
      setImmediate(() => {
        until = performance.now() + SLICE_MS;
        resolve();
      }),
    );
  };
}
