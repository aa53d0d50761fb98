/**
 * Accounting of incomplete received messages and frames, and of the credit left from ended calls.
 *
 * @module
 */

import type { MemoryShare } from "../limits/memory_pool.ts";
import type { LeanOptions } from "./options.ts";

/** Accounts for one connection's unfinished input, and for bytes that may still arrive for ended calls. */
export class ReceiveAccount {
  /** Bytes of unfinished messages. */
  assemblyBytes = 0;
  /** Message bytes that the peer may send per call ahead of credit. */
  readonly windowBytes: number;
  /**
   * Whether incomplete frames count against the memory share. False after the hello: frames are then short and always
   * get their buffer.
   */
  countsFrames = true;
  readonly #options: Readonly<LeanOptions>;
  readonly #memory: MemoryShare;
  #frameBytes = 0;
  // Message bytes that may be in flight for calls that have ended.
  #lateBytes = 0;

  /** Starts empty; each call begins with `windowBytes` of credit. */
  constructor(options: Readonly<LeanOptions>, memory: MemoryShare, windowBytes: number) {
    this.#options = options;
    this.#memory = memory;
    this.windowBytes = windowBytes;
  }

  /** Counts bytes of an unfinished message; if they would exceed a limit, counts nothing and returns false. */
  holdPiece(bytes: number): boolean {
    if (this.assemblyBytes + bytes > this.#options.maxAssemblyBytes) return false;
    if (!this.#memory.allows(bytes)) return false;
    this.assemblyBytes += bytes;
    this.#memory.take(bytes);
    return true;
  }

  /** Releases bytes of a message that is complete or dropped. */
  dropPieces(bytes: number): void {
    this.assemblyBytes -= bytes;
    this.#memory.give(bytes);
  }

  /** Counts bytes of an incomplete frame; if the memory share does not allow them, counts nothing and returns false. */
  holdFrame(bytes: number): boolean {
    if (!this.countsFrames) return true;
    if (!this.#memory.allows(bytes)) return false;
    this.#memory.take(bytes);
    this.#frameBytes += bytes;
    return true;
  }

  /** Releases the bytes of the incomplete frame. */
  dropFrame(): void {
    this.#memory.give(this.#frameBytes);
    this.#frameBytes = 0;
  }

  /**
   * Records the end of a call whose peer had used `unreturned` bytes of its credit: the rest of the credit may be in
   * flight.
   */
  expectLate(unreturned: number): void {
    const most = this.windowBytes * this.#options.maxConcurrentStreams;
    this.#lateBytes = Math.min(this.#lateBytes + Math.max(0, this.windowBytes - unreturned), most);
  }

  /** Whether message bytes of an unknown ended call were covered by credit; consumes that credit. */
  acceptLate(bytes: number): boolean {
    if (bytes > this.#lateBytes) return false;
    this.#lateBytes -= bytes;
    return true;
  }
}
