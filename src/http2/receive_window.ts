/**
 * Flow control of received DATA (RFC 9113 §5.2 and §6.9): when to return credit, and how large windows should be.
 *
 * Windows follow the bandwidth-delay product. As in grpc-go, a sample is the bytes that arrive between a PING and its
 * acknowledgement, and that time. As in BBR, the delay is the least of the last minute: delay added by a busy peer, or
 * by a queue that a larger window has filled, must not enlarge the windows. (With the full delay, a stream of 100 MiB on
 * one machine had 4 MiB in flight, and small calls beside it took three times as long.)
 *
 * @module
 */

import type { ByteWriter } from "../bytes/writer.ts";
import { DEFAULT_WINDOW_BYTES, SettingId } from "./constants.ts";
import { writePing, writeSettings, writeWindowUpdate } from "./frame_writer.ts";
import type { Http2Options } from "./options.ts";
import type { Http2Stream } from "./stream.ts";

const SAMPLE_PING_HIGH = 0x76727063;
const SAMPLE_PING_LOW = 0x62647001;

// Below this window, in octets, windows grow by the bytes of a sample, whatever its delay: small windows cost more
// turns of the event loop and writes than they save in queueing.
const FREE_WINDOW_BYTES = 262_144;
// Age at which the least measured delay is replaced, because routes change.
const LEAST_DELAY_MS = 60_000;
// Factor by which each new sample reduces the weight of earlier ones.
const RECENT = 3 / 4;
// Shortest delay assumed for a sample, because the clock may not advance during it.
const MIN_DELAY_MS = 0.02;

/** Flow control of one connection's receiving side. */
export class ReceiveWindow {
  /** Octets that the peer may still send on the connection. */
  window = DEFAULT_WINDOW_BYTES;
  /** Last SETTINGS_INITIAL_WINDOW_SIZE sent to the peer. */
  streamWindow: number;
  /** Credit withheld on paused streams, in octets. */
  heldBytes = 0;
  // Size that the connection's window has when all credit is returned, in octets.
  #target: number;
  #unreturned = 0;
  #sampling = false;
  #sampleBytes = 0;
  #sampleStartMs = 0;
  // Smoothed bandwidth: one sample may be a burst, and windows never shrink.
  #recentBytes = 0;
  #recentMs = 0;
  #leastDelayMs = Infinity;
  #leastDelayAtMs = 0;

  /** `out` is the connection's output, `time` its clock. */
  constructor(
    readonly out: ByteWriter,
    readonly options: Http2Options,
    readonly time: { readonly nowMs: number },
  ) {
    this.streamWindow = options.initialWindowBytes;
    this.#target = options.connectionWindowBytes;
  }

  /** Octets received and not passed to {@link give} yet; 0 between frames. */
  get inUseBytes(): number {
    return this.#target - this.window - this.#unreturned;
  }

  /**
   * Writes the WINDOW_UPDATE that raises the connection's window from the protocol's default to
   * `connectionWindowBytes`.
   */
  open(): void {
    if (this.#target > this.window) {
      writeWindowUpdate(this.out, 0, this.#target - this.window);
      this.window = this.#target;
    }
  }

  /** Subtracts `count` octets from the connection's window; returns false when the peer has exceeded it. */
  take(count: number): boolean {
    this.window -= count;
    if (this.#sampling) this.#sampleBytes += count;
    return this.window >= 0;
  }

  /** Returns credit for octets that were consumed or discarded; with `stream` null, on the connection only. */
  give(stream: Http2Stream | null, count: number): void {
    this.#unreturned += count;
    if (
      this.#unreturned * 2 >= this.#target && this.heldBytes <= this.options.maxPausedBytes
    ) this.#returnConnection();
    if (stream === null) return;
    stream.recvHeld += count;
    if (stream.readPaused) {
      this.heldBytes += count;
    } else if (stream.recvHeld * 2 >= this.streamWindow && stream.canReceive) {
      this.#returnStream(stream);
    }
  }

  /** Withholds a stream's credit because its reader is slow, or returns it. */
  setPaused(stream: Http2Stream, paused: boolean): void {
    if (stream.readPaused === paused) return;
    stream.readPaused = paused;
    this.heldBytes += paused ? stream.recvHeld : -stream.recvHeld;
    if (paused) return;
    if (stream.recvHeld > 0 && stream.canReceive) this.#returnStream(stream);
    if (this.#unreturned * 2 >= this.#target) this.#returnConnection();
  }

  /** Drops the state of a closed stream. */
  forget(stream: Http2Stream): void {
    if (stream.readPaused) this.heldBytes -= stream.recvHeld;
    stream.readPaused = false;
    stream.recvHeld = 0;
    if (this.#unreturned * 2 >= this.#target) this.#returnConnection();
  }

  #returnStream(stream: Http2Stream): void {
    writeWindowUpdate(this.out, stream.id, stream.recvHeld);
    stream.recvWindow += stream.recvHeld;
    stream.recvHeld = 0;
  }

  #returnConnection(): void {
    writeWindowUpdate(this.out, 0, this.#unreturned);
    this.window += this.#unreturned;
    this.#unreturned = 0;
    // The peer has used half a window since the last update, so a sample starts if windows may still grow.
    if (!this.#sampling && this.streamWindow < this.options.maxWindowBytes) {
      this.#sampling = true;
      this.#sampleBytes = 0;
      this.#sampleStartMs = this.time.nowMs;
      writePing(this.out, false, SAMPLE_PING_HIGH, SAMPLE_PING_LOW);
    }
  }

  /** Whether the opaque data of a PING acknowledgement is that of a bandwidth sample. */
  isSamplePing(high: number, low: number): boolean {
    return high === SAMPLE_PING_HIGH && low === SAMPLE_PING_LOW;
  }

  /** Ends a sample, whose PING was acknowledged. Returns the growth of the streams' windows in octets, or 0. */
  endSample(): number {
    if (!this.#sampling) return 0;
    this.#sampling = false;
    const nowMs = this.time.nowMs;
    const delayMs = Math.max(MIN_DELAY_MS, nowMs - this.#sampleStartMs);
    if (delayMs <= this.#leastDelayMs || nowMs - this.#leastDelayAtMs > LEAST_DELAY_MS) {
      this.#leastDelayMs = delayMs;
      this.#leastDelayAtMs = nowMs;
    }
    this.#recentBytes = this.#recentBytes * RECENT + this.#sampleBytes;
    this.#recentMs = this.#recentMs * RECENT + delayMs;
    const product = this.streamWindow < FREE_WINDOW_BYTES
      ? this.#sampleBytes
      : this.#recentBytes / this.#recentMs * this.#leastDelayMs;
    // Windows grow once the bandwidth-delay product reaches two thirds of the window, because the window may be what
    // limits it.
    if (product * 3 < this.streamWindow * 2) return 0;
    const wanted = Math.min(this.options.maxWindowBytes, Math.ceil(product * 2));
    if (wanted <= this.streamWindow) return 0;
    const growth = wanted - this.streamWindow;
    this.streamWindow = wanted;
    writeSettings(this.out, [[SettingId.INITIAL_WINDOW_SIZE, wanted]]);
    if (wanted > this.#target) {
      writeWindowUpdate(this.out, 0, wanted - this.#target);
      this.window += wanted - this.#target;
      this.#target = wanted;
    }
    return growth;
  }
}
