/**
 * Objects shared by the parts of a connection's driver: byte stream, engine, clock and turn scheduler.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import type { ConnectionEngine } from "../../call/wire.ts";
import type { TurnScheduler } from "../../event_loop/turns.ts";
import type { ByteStream } from "../../transport/types.ts";

/** Objects that the parts of a connection's driver share. */
export interface ConnectionIo {
  /** Byte stream of the connection. */
  readonly stream: ByteStream;
  /** Protocol state machine. */
  readonly engine: ConnectionEngine;
  /** Time and timers. */
  readonly clock: Clock;
  /** Turns of the event loop, shared with other connections. */
  readonly turns: TurnScheduler;
}
