/**
 * What load is put on. The load generator knows nothing of connections, wires or methods.
 *
 * @module
 */

import type { Reply } from "../measure/reply.ts";

/** Something that can be called again and again. */
export interface Target {
  /** How many calls can be under way at once: slots are numbered from 0 to `slots - 1`. */
  readonly slots: number;
  /** Payload bytes that one call sends. */
  readonly requestBytes: number;
  /**
   * Starts call number `sequence` in a slot that has no call under way. Resolves when the answer is
   * complete; rejects, best with an RpcError, when the call fails. Must not throw.
   */
  call(slot: number, sequence: number): Promise<Reply>;
  /** How long the server says it worked on the call, in µs; absent where it never says so. */
  readonly serverTimeUs?: (reply: Reply) => number | undefined;
}
