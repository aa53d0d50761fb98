/**
 * Handles frames for streams that are not open: idle, closed, or reset by this side while the frame was in flight (RFC
 * 9113 §5.1).
 *
 * @module
 */

import { PeerEvent } from "../limits/peer_budget.ts";
import { ErrorCode } from "./constants.ts";
import type { ConnectionContext } from "./context.ts";
import type { ResetMemory } from "./reset_memory.ts";
import type { Shutdown } from "./shutdown.ts";
import type { StreamTable } from "./stream_table.ts";

/** Handles frames for streams that are not open. */
export class ClosedStreams {
  readonly #context: ConnectionContext;
  readonly #streams: StreamTable;
  readonly #resets: ResetMemory;
  readonly #shutdown: Shutdown;

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
   * Handles DATA or HEADERS (`what`) for a stream that is not open. `creditedBytes`: payload length of DATA, which is
   * not charged while it fits the receive window that the stream had at its reset; 0 for frames that are always
   * charged.
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
