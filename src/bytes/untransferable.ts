/**
 * Buffers that no program may transfer to a worker.
 *
 * @module
 */

import { findBuiltinModule } from "./builtin_module.ts";

const threads = findBuiltinModule("node:worker_threads");

/**
 * Whether {@link markAsUntransferable} has an effect. Browsers have no such function, and that of Deno 2.6 throws.
 * Without it messages must not share a buffer.
 */
export const CAN_MARK_BUFFERS: boolean = canMark();

function canMark(): boolean {
  const buffer = new ArrayBuffer(1);
  try {
    threads?.markAsUntransferable?.(buffer);
  } catch {
    return false;
  }
  try {
    // Node 20 copies marked buffers instead of throwing.
    structuredClone(buffer, { transfer: [buffer] });
  } catch {
    return true;
  }
  return buffer.byteLength > 0;
}

/** Makes a transfer of `buffer` to a worker fail, where the runtime can do that. */
export function markAsUntransferable(buffer: ArrayBuffer): void {
  if (CAN_MARK_BUFFERS) threads!.markAsUntransferable!(buffer);
}
