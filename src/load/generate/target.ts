/**
 * Interface of what is put under load; connections, wires and methods stay behind it.
 *
 * @module
 */

import type { RpcError } from "../../errors.ts";
import type { Reply } from "../measure/reply.ts";

/** Takes the calls and checks of flows. */
export interface FlowSink {
  /** Notes the start of a call in the flow of a slot. */
  begin(slot: number, isFirst: boolean): { sentMs: number; lateMs: number };
  /** Notes its end. `unreachable`: there was no connection. */
  end(
    call: { sentMs: number; lateMs: number },
    method: string,
    sentBytes: number,
    outcome: Reply | RpcError,
    unreachable: boolean,
  ): void;
  /** Notes a check. */
  check(name: string, passed: boolean): void;
}

/** Where a call of a target is a flow of calls. */
export interface FlowControl {
  /** Sets where calls are reported. */
  report(sink: FlowSink): void;
  /** Cuts off the flows: at once those without a call, the others when it has ended. */
  stop(): void;
}

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
  /** Of a target whose calls are flows; absent otherwise. */
  readonly flow?: FlowControl;
  /** Number of methods, when they are counted separately. Default: 1. */
  readonly methods?: number;
  /** Returns the number of the method of the call that was last started in a slot, from 0. Default: 0. */
  methodOf?(slot: number): number;
}
