/**
 * The way down of a program: a first signal asks, a second one insists.
 *
 * @module
 */

/** Terminals and task runners may deliver one Ctrl-C twice: a second signal within this is the same one. */
const SAME_SIGNAL_MS = 200;

/** Resolves to the first signal's name; from then on another one ends the process at once. */
export function firstSignal(): Promise<Deno.Signal> {
  const { promise, resolve } = Promise.withResolvers<Deno.Signal>();
  let firstMs: number | undefined;
  const on = (signal: Deno.Signal, code: number) => {
    Deno.addSignalListener(signal, () => {
      if (firstMs === undefined) {
        firstMs = performance.now();
        resolve(signal);
      } else if (performance.now() - firstMs > SAME_SIGNAL_MS) {
        Deno.exit(code);
      }
    });
  };
  on("SIGINT", 130);
  // Windows knows no SIGTERM.
  if (Deno.build.os !== "windows") on("SIGTERM", 143);
  return promise;
}
