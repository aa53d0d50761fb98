/**
 * Frames for streams that have no object: idle, closed, or reset by this side while the frame was on its way
 * (RFC 9113 §5.1).
 *
 * @module
 */

import { PeerEvent } from "../limits/peer_budget.ts";
import { ErrorCode } from "./constants.ts";
import type { ConnectionContext } from "./context.ts";
import type { ResetMemory } from "./reset_memory.ts";
import type { Shutdown } from "./shutdown.ts";
import type { StreamTable } from "./stream_table.ts";

/** Judges frames of streams without an object. */
export class ClosedStreams {
  readonly #context: ConnectionContext;
  readonly #streams: StreamTable;
  readonly #resets: ResetMemory;
  readonly #shutdown: Shutdown;

  /** All of one connection. */
  constructor(
    context: ConnectionContext,
    streams: StreamTable,
    resets: ResetMemory,
    shutdown: Shutdown,
  ) {
    this.#context = context;
    this.#streams = streams;
    this.#resets = resets;
    this.#shutdown = shutdown;
  }

  /**
   * DATA or HEADERS (`what`) arrived for a stream without an object. `creditedBytes`: the length of DATA that the
   * stream's window let through and that would have cost nothing before the reset, or 0.
   */
  onFrame(id: number, what: string, creditedBytes: number): void {
    if (this.#streams.isIdle(id)) {
      return this.#context.violation(`Received ${what} on stream ${id}, which is idle`);
    }
    const known = this.#resets.take(id, creditedBytes);
    if (known === "within-window") return;
    if (known === "beyond-window") return this.#context.charge(PeerEvent.LATE_FRAME);
    if (this.#shutdown.ignores(id)) return;
    if (this.#resets.mayBeForgotten(id)) return this.#context.charge(PeerEvent.LATE_FRAME);
    this.#context.connectionError(
      ErrorCode.STREAM_CLOSED,
      `Received ${what} on stream ${id}, which the peer had closed`,
    );
  }
}
