/**
 * The methods of both sides: of the server's thread and of the workers.
 *
 * @module
 */

import { type Router, textCodec } from "@vrpc/vrpc";

const spec = { requestCodec: textCodec, responseCodec: textCodec };

/** Registers the methods. `flag` is in memory that all threads share. */
export function addMethods(router: Router, flag: Int32Array): void {
  router.method("/primes", spec, (limit) => {
    let count = 0;
    for (let n = 2; n <= Number(limit); n++) {
      let prime = true;
      for (let d = 2; d * d <= n && prime; d++) prime = n % d !== 0;
      if (prime) count++;
    }
    return `${count}`;
  });
  // Blocks its thread until another one sets the flag.
  router.method("/block", spec, () => {
    Atomics.wait(flag, 0, 0);
    return "released";
  });
  router.method("/release", spec, () => {
    Atomics.store(flag, 0, 1);
    Atomics.notify(flag, 0);
    return "done";
  });
}
