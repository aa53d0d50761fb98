/**
 * Thread that takes the lock of a folder once a round, and counts the holders in shared memory.
 *
 * @module
 */

import { tryLock } from "../../src/runtime/node/lock.ts";

const scope = globalThis as unknown as {
  onmessage: ((event: MessageEvent<{ folder: string; shared: Int32Array }>) => void) | null;
};

scope.onmessage = async ({ data: { folder, shared } }) => {
  for (let round = 1;; round++) {
    while (Atomics.load(shared, 0) < round) await new Promise((resolve) => setTimeout(resolve));
    for (let held = false; !held;) {
      using lock = await tryLock(folder);
      held = lock !== undefined;
      if (!held) continue;
      const holders = Atomics.add(shared, 1, 1) + 1;
      if (holders > Atomics.load(shared, 2)) Atomics.store(shared, 2, holders);
      const endMs = performance.now() + 1;
      while (performance.now() < endMs);
      Atomics.sub(shared, 1, 1);
    }
    Atomics.add(shared, 3, 1);
  }
};
