/**
 * Accounting of messages that wait to be framed, and the calls whose sending is blocked.
 *
 * @module
 */

import type { MemoryShare } from "../limits/memory_pool.ts";
import { HELLO_DEFAULTS, type HelloSettings } from "./format/hello.ts";
import type { LeanOptions } from "./options.ts";
import { BlockedSends } from "./send_queueing.ts";

/** Accounts for one connection's queued messages, and holds the peer's limits on sending. */
export class SendAccount {
  /** Bytes in the send queues of all calls, not yet framed, with 256 more for each message. */
  queuedBytes = 0;
  /** Longest piece of a message, in bytes: the smaller of `fragmentBytes` and the peer's `maxValueBytes`. */
  fragmentBytes: number;
  /** Message bytes that the peer accepts per call ahead of credit: from its hello, 65,536 before. */
  peerWindowBytes: number = HELLO_DEFAULTS.callWindowBytes;
  /** When the socket last accepted output or the peer last gave credit to any call, in ms. */
  progressMs = 0;
  /** Calls whose sending is blocked. */
  readonly blocked: BlockedSends = new BlockedSends();
  readonly #options: Readonly<LeanOptions>;
  readonly #memory: MemoryShare;

  /** Starts with the hello's defaults as the peer's settings. */
  constructor(options: Readonly<LeanOptions>, memory: MemoryShare) {
    this.#options = options;
    this.#memory = memory;
    this.fragmentBytes = Math.min(options.fragmentBytes, HELLO_DEFAULTS.maxValueBytes);
  }

  /** Applies the settings of the peer's hello. */
  apply(settings: Readonly<HelloSettings>): void {
    this.fragmentBytes = Math.min(this.#options.fragmentBytes, settings.maxValueBytes);
    this.peerWindowBytes = settings.callWindowBytes;
  }

  /** Whether the connection's memory share allows `bytes` more to be queued. */
  allows(bytes: number): boolean {
    return this.#memory.allows(bytes);
  }

  /** Counts bytes that enter a queue. */
  enqueued(bytes: number): void {
    this.queuedBytes += bytes;
    this.#memory.take(bytes);
  }

  /** Counts bytes that leave a queue: framed, or dropped with their call. */
  dequeued(bytes: number): void {
    this.queuedBytes -= bytes;
    this.#memory.give(bytes);
  }
}
