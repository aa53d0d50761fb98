/**
 * Interface of what is put under load; connections, wires and methods stay behind it.
 *
 * @module
 */

import type { Reply } from "../measure/reply.ts";

/** Callable target of a load run. */
export interface Target {
  /** Number of calls that can be in flight; slots are numbered from 0 to `slots - 1`. */
  readonly slots: number;
  /** Returns the payload bytes of the call that was last started in a slot. */
  sentBytes(slot: number): number;
  /**
   * Starts call number `sequence` in a slot without a call in flight. Resolves when the reply is complete;
   * rejects, best with an RpcError, when the call fails. Must not throw.
   */
  call(slot: number, sequence: number): Promise<Reply>;
  /** Whether the slot has no connection because the last attempt to make one failed; absent where there are none. */
  readonly unreachable?: (slot: number) => boolean;
  /** Reads the server time of a reply in a slot, in µs; absent where replies never contain one. */
  readonly serverTimeUs?: (reply: Reply, slot: number) => number | undefined;
  /** Number of methods, when they are counted separately. Default: 1. */
  readonly methods?: number;
  /** Returns the number of the method of the call that was last started in a slot, from 0. Default: 0. */
  methodOf?(slot: number): number;
}
