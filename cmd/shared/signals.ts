/**
 * Shutdown signals of a program.
 *
 * @module
 */

/** Signals within this time count as one: terminals and task runners may deliver one Ctrl-C twice. */
const SAME_SIGNAL_MS = 200;

/** Resolves to the name of the first signal; a later one ends the process immediately. */
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
  // Windows has no SIGTERM.
  if (Deno.build.os !== "windows") on("SIGTERM", 143);
  return promise;
}
