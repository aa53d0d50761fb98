/**
 * Incoming flow control: when to give credit back, and how large windows should be.
 *
 * Windows follow the bandwidth-delay product: a sample is the bytes that arrive between a ping and its answer, as in
 * grpc-go, and that time. The delay is the least of late, as in BBR: what a busy peer, or a queue that a larger
 * window has filled, adds to it is no reason for larger windows. (With all of the delay counted a stream of
 * 100 MiB on one machine had 4 MiB on the way, and small calls beside it took three times as long.)
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

// Up to here the delay isn't looked at: smaller windows cost more turns and writes than they save waiting.
const FREE_WINDOW_BYTES = 262_144;
// How long the least delay is believed; routes change.
const LEAST_DELAY_MS = 60_000;
// The weight of all samples before the last.
const RECENT = 3 / 4;
// A clock that stands still must not make products of nothing.
const MIN_DELAY_MS = 0.02;

/** Flow-control state of one connection's receiving side. */
export class ReceiveWindow {
  /** Octets that the peer may still send on the connection. */
  window = DEFAULT_WINDOW_BYTES;
  /** SETTINGS_INITIAL_WINDOW_SIZE as last sent: the window of new streams. */
  streamWindow: number;
  /** Bytes of streams whose readers are slow. */
  heldBytes = 0;
  // The connection's window when all credit is given back.
  #target: number;
  #unreturned = 0;
  #sampling = false;
  #sampleBytes = 0;
  #sampleStartMs = 0;
  // The bandwidth of late, because one sample may be a burst, and windows never shrink again.
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

  /** Octets that came and were not given back by {@link give} yet; 0 when nothing is being received. */
  get inUseBytes(): number {
    return this.#target - this.window - this.#unreturned;
  }

  /** Opens the connection's window from the protocol's default; part of the preface. */
  open(): void {
    if (this.#target > this.window) {
      writeWindowUpdate(this.out, 0, this.#target - this.window);
      this.window = this.#target;
    }
  }

  /** Takes `count` octets off the connection's window; false when the peer overstepped it. */
  take(count: number): boolean {
    this.window -= count;
    if (this.#sampling) this.#sampleBytes += count;
    return this.window >= 0;
  }

  /** Gives credit back for octets that are used up or discarded; stream null for the connection alone. */
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

  /** A slow reader pauses or goes on. */
  setPaused(stream: Http2Stream, paused: boolean): void {
    if (stream.readPaused === paused) return;
    stream.readPaused = paused;
    this.heldBytes += paused ? stream.recvHeld : -stream.recvHeld;
    if (paused) return;
    if (stream.recvHeld > 0 && stream.canReceive) this.#returnStream(stream);
    if (this.#unreturned * 2 >= this.#target) this.#returnConnection();
  }

  /** A stream is gone: nothing is held for it any more. */
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
    // Half a window has been used since the last time: worth a sample, if windows may still grow.
    if (!this.#sampling && this.streamWindow < this.options.maxWindowBytes) {
      this.#sampling = true;
      this.#sampleBytes = 0;
      this.#sampleStartMs = this.time.nowMs;
      writePing(this.out, false, SAMPLE_PING_HIGH, SAMPLE_PING_LOW);
    }
  }

  /** Whether a PING's opaque data is that of a sample. */
  isSamplePing(high: number, low: number): boolean {
    return high === SAMPLE_PING_HIGH && low === SAMPLE_PING_LOW;
  }

  /** Ends the sample: its PING was acknowledged. Returns by how many octets the windows of streams grow, or 0. */
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
    // What fills two thirds of the window might fill more.
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
