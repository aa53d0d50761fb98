/**
 * Node duplex streams as {@link ByteStream}s.
 *
 * @module
 */

import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { ChunkQueue } from "../bytes/chunk_queue.ts";
import type { PeerInfo } from "../call/wire.ts";
import { TransportError } from "../errors.ts";
import type { ChannelBinding } from "./channel_binding.ts";
import { codedError, reasonOf } from "./failure.ts";
import type { ByteStream } from "./types.ts";

// Largest part of a write, in bytes, to keep copies and Node's queue small.
const MAX_WRITE_BYTES = 65536;
// Unread bytes at which the source is paused: Node's own default high-water mark.
const HIGH_WATER_BYTES = 65536;

/** Options of a {@link DuplexStream}. */
export interface DuplexStreamOptions {
  /** Peer of the stream. */
  peer: PeerInfo;
  /** Address of this end. */
  localAddress: string;
  /** Describes an error. Default: {@link reasonOf}. */
  reason?: (error: unknown) => string;
  /** Error text for a close by the peer before the first byte. Default: such a close is a normal end of the stream. */
  earlyEnd?: string;
  /** Copies written data, for streams that may read it after they have reported the write as done. */
  copy?: boolean;
  /** Resolves once the stream under the duplex stream is released. Default: there is none. */
  released?: () => Promise<void>;
  /** Lets the process exit while the stream is open. Default: `unref` of the duplex stream, if it has that. */
  unref?: () => void;
  /** Pauses or resumes the source as well, after the duplex stream. Default: that has no other source. */
  hold?: (held: boolean) => void;
  /** See {@link ByteStream.channelBinding}. Default: none. */
  channelBinding?: () => ChannelBinding | undefined;
}

/** Node duplex stream, such as a TLS socket, as a ByteStream. */
export class DuplexStream implements ByteStream {
  readonly peer: PeerInfo;
  readonly localAddress: string;
  readonly #duplex: Duplex;
  readonly #options: DuplexStreamOptions;
  readonly #unread = new ChunkQueue();
  #paused = false;
  #ended = false;
  #received = false;
  #closed = false;
  #failure: TransportError | undefined;
  #reader:
    | { buffer: Uint8Array; resolve(count: number | null): void; reject(error: unknown): void }
    | undefined;
  #rejectWrite: ((error: unknown) => void) | undefined;

  /** Takes over `duplex`. */
  constructor(duplex: Duplex, options: DuplexStreamOptions) {
    this.#duplex = duplex;
    this.#options = options;
    this.peer = options.peer;
    this.localAddress = options.localAddress;
    duplex.on("data", (chunk: Uint8Array) => this.#onData(chunk));
    duplex.on("end", () => this.#onEnd());
    duplex.on("error", (error: Error) => this.#onFailure(error));
    duplex.on("close", () => {
      if (!this.#ended) this.#onFailure(codedError("EOF", "closed"));
      this.#rejectWrite?.(this.#failure ?? this.#error("it was closed"));
    });
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#reader !== undefined) {
      return Promise.reject(new TypeError("Cannot read: another read is pending, limit is 1"));
    }
    if (this.#closed) return Promise.reject(this.#failure);
    if (this.#unread.bytes > 0) return Promise.resolve(this.#take(buffer));
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#reader = { buffer, resolve, reject };
    });
  }

  write(data: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    let part = data.length > MAX_WRITE_BYTES ? data.subarray(0, MAX_WRITE_BYTES) : data;
    if (this.#options.copy) part = new Uint8Array(part);
    return new Promise((resolve, reject) => {
      this.#rejectWrite = reject;
      this.#duplex.write(part, (error) => {
        this.#rejectWrite = undefined;
        if (error) reject(this.#failure ?? this.#error(this.#reason(error), error));
        else resolve(part.length);
      });
    });
  }

  closeWrite(): Promise<void> {
    if (this.#closed || this.#duplex.writableEnded) return Promise.resolve();
    return new Promise((resolve, reject) => {
      const settle = (error?: unknown) => {
        this.#rejectWrite = undefined;
        if (error) reject(error);
        else resolve();
      };
      this.#rejectWrite = settle;
      this.#duplex.end(() => settle());
    });
  }

  close(): void {
    if (this.#closed) return;
    this.#failure = this.#error("it was closed here");
    this.#closed = true;
    this.#unread.clear();
    this.#reader?.reject(this.#failure);
    this.#reader = undefined;
    this.#rejectWrite?.(this.#failure);
    this.#rejectWrite = undefined;
    // A destroyed stream may still report an earlier error.
    this.#duplex.on("error", () => {});
    this.#duplex.destroy();
  }

  channelBinding(): ChannelBinding | undefined {
    return this.#options.channelBinding?.();
  }

  unref(): void {
    if (this.#options.unref !== undefined) this.#options.unref();
    else (this.#duplex as Partial<Socket>).unref?.();
  }

  async released(): Promise<void> {
    if (!this.#duplex.closed) {
      await new Promise<void>((resolve) => this.#duplex.once("close", () => resolve()));
    }
    await this.#options.released?.();
  }

  #onData(chunk: Uint8Array): void {
    if (this.#closed || chunk.length === 0) return;
    this.#received = true;
    this.#unread.push(chunk);
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader.resolve(this.#take(reader.buffer));
    }
    if (this.#unread.bytes >= HIGH_WATER_BYTES && !this.#paused) {
      this.#paused = true;
      this.#hold(true);
    }
  }

  #hold(held: boolean): void {
    if (held) this.#duplex.pause();
    else this.#duplex.resume();
    this.#options.hold?.(held);
  }

  #take(buffer: Uint8Array): number {
    const taken = this.#unread.take(buffer);
    if (this.#paused && this.#unread.bytes < HIGH_WATER_BYTES) {
      this.#paused = false;
      this.#hold(false);
    }
    return taken;
  }

  #onEnd(): void {
    this.#ended = true;
    if (!this.#received && this.#options.earlyEnd !== undefined && !this.#closed) {
      this.#onFailure(codedError("EOF", "closed"), this.#options.earlyEnd);
      return;
    }
    this.#reader?.resolve(null);
    this.#reader = undefined;
  }

  #onFailure(error: unknown, reason = this.#reason(error)): void {
    if (this.#failure !== undefined) return;
    this.#failure = this.#error(reason, error);
    this.#reader?.reject(this.#failure);
    this.#reader = undefined;
  }

  #reason(error: unknown): string {
    return (this.#options.reason ?? reasonOf)(error);
  }

  #error(reason: string, cause?: unknown): TransportError {
    const { address } = this.peer;
    return new TransportError(`Connection with ${address} broke: ${reason}`, { address, cause });
  }
}
