/**
 * Copies bytes between two streams, both ways. Each direction reads only after the last bytes were written, so that a
 * slow receiver slows its sender and no more than one buffer a direction is held.
 *
 * @module
 */

import type { Clock } from "../../call/clock.ts";
import { textOf } from "../../errors.ts";
import { systemTurns, TURN_BYTES } from "../../event_loop/turns.ts";
import type { ByteStream } from "../../transport/types.ts";

/** Bytes held for each direction of a tunnel. */
export const TUNNEL_BUFFER_BYTES = 65_536;

/** Limits of a tunnel. */
export interface TunnelLimits {
  /** Bytes of both directions together after which the tunnel is closed. */
  readonly maxBytes: number;
  /** Time without a byte in either direction after which the tunnel is closed, in ms. */
  readonly idleTimeoutMs: number;
}

/** Called for bytes that were forwarded: `sent` towards the second stream, `received` from it. */
export type TunnelCounter = (sent: number, received: number) => void;

/** Two streams whose bytes go to the other. Closes both when it ends. */
export class Tunnel {
  /** Bytes forwarded from the first stream to the second. */
  sentBytes = 0;
  /** Bytes forwarded from the second stream to the first. */
  receivedBytes = 0;
  readonly #near: ByteStream;
  readonly #far: ByteStream;
  readonly #limits: TunnelLimits;
  readonly #clock: Clock;
  readonly #count: TunnelCounter;
  #lastMs: number;
  #timer: unknown = undefined;
  #reason: string | undefined = undefined;

  /** `near` is the stream that was accepted, `far` the one that was opened for it. */
  constructor(
    near: ByteStream,
    far: ByteStream,
    options: { limits: TunnelLimits; clock: Clock; count?: TunnelCounter },
  ) {
    this.#near = near;
    this.#far = far;
    this.#limits = options.limits;
    this.#clock = options.clock;
    this.#count = options.count ?? (() => {});
    this.#lastMs = this.#clock.now();
  }

  /**
   * Forwards until both directions have ended, one fails, or a limit is reached; `first` has arrived from the near stream
   * already. Resolves to the reason of the end, in a few words. Never rejects.
   */
  async run(first: Uint8Array): Promise<string> {
    this.#watchIdle();
    await Promise.all([
      this.#copy(this.#near, this.#far, first, (bytes) => {
        this.sentBytes += bytes;
        this.#count(bytes, 0);
      }),
      this.#copy(this.#far, this.#near, new Uint8Array(0), (bytes) => {
        this.receivedBytes += bytes;
        this.#count(0, bytes);
      }),
    ]);
    this.close("ended");
    return this.#reason!;
  }

  /** Closes both streams at once; `reason` is that of the end, unless it has one already. */
  close(reason: string): void {
    if (this.#reason !== undefined) return;
    this.#reason = reason;
    this.#clock.clearTimer(this.#timer);
    this.#near.close();
    this.#far.close();
  }

  async #copy(
    from: ByteStream,
    to: ByteStream,
    first: Uint8Array,
    count: (bytes: number) => void,
  ): Promise<void> {
    try {
      await this.#writeAll(to, first, count);
      const buffer = new Uint8Array(TUNNEL_BUFFER_BYTES);
      for (let turnBytes = 0;;) {
        const length = await from.read(buffer);
        if (length === null) return await to.closeWrite();
        await this.#writeAll(to, buffer.subarray(0, length), count);
        turnBytes += length;
        if (turnBytes < TURN_BYTES) continue;
        turnBytes = 0;
        await systemTurns.nextTurn();
      }
    } catch (error) {
      this.close(textOf(error));
    }
  }

  async #writeAll(
    to: ByteStream,
    bytes: Uint8Array,
    count: (bytes: number) => void,
  ): Promise<void> {
    const left = this.#limits.maxBytes - this.sentBytes - this.receivedBytes;
    for (let rest = bytes.subarray(0, left); rest.length > 0;) {
      this.#lastMs = this.#clock.now();
      const written = await to.write(rest);
      rest = rest.subarray(written);
      count(written);
    }
    this.#lastMs = this.#clock.now();
    if (bytes.length > left) this.close(`the limit of ${this.#limits.maxBytes} bytes is reached`);
  }

  #watchIdle(): void {
    const { idleTimeoutMs } = this.#limits;
    if (idleTimeoutMs === Infinity) return;
    const leftMs = this.#lastMs + idleTimeoutMs - this.#clock.now();
    if (leftMs <= 0) return this.close(`no bytes for ${idleTimeoutMs} ms`);
    this.#timer = this.#clock.setTimer(() => this.#watchIdle(), leftMs);
  }
}
