/**
 * Buffers that no program may transfer to a worker.
 *
 * @module
 */

/** Part of the global `process` of Deno and Node; browsers have none. */
interface RuntimeProcess {
  getBuiltinModule?(name: string): { markAsUntransferable?(value: object): void } | undefined;
}

const { process } = globalThis as unknown as { process?: RuntimeProcess };
// Not imported, because a module that imports from `node:` cannot be loaded by a browser.
const threads = process?.getBuiltinModule?.("node:worker_threads");

/** Makes a transfer of `buffer` to a worker fail, where the runtime can do that. */
export function markAsUntransferable(buffer: ArrayBuffer): void {
  threads?.markAsUntransferable?.(buffer);
}
