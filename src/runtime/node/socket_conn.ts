/**
 * Sockets of node:net.
 *
 * @module
 */

import type { Socket } from "node:net";
import { ChunkQueue } from "../../bytes/chunk_queue.ts";
import type { NetAddr, TcpConn } from "../types.ts";

// Largest part of a write, in bytes, so that a slow peer's progress shows.
const MAX_WRITE_BYTES = 65_536;
// Unread bytes at which the socket is paused: Node's own default high-water mark.
const HIGH_WATER_BYTES = 65_536;

/** Connected socket. Reads ahead of its reader, up to 128 KiB. */
export class SocketConn implements TcpConn {
  /** Address of this end; without meaning for a Unix socket. */
  readonly localAddr: NetAddr;
  /** Address of the peer; without meaning for a Unix socket. */
  readonly remoteAddr: NetAddr;
  readonly #socket: Socket;
  readonly #unread = new ChunkQueue();
  #paused = false;
  #ended = false;
  #failure: Error | undefined = undefined;
  #reader:
    | { buffer: Uint8Array; resolve(count: number | null): void; reject(error: unknown): void }
    | undefined = undefined;
  #rejectWrite: ((error: unknown) => void) | undefined = undefined;

  /** Takes over a connected socket; `remote` is the address of a peer that has already reset the connection. */
  constructor(socket: Socket, remote: NetAddr = { hostname: "0.0.0.0", port: 0 }) {
    this.#socket = socket;
    this.localAddr = { hostname: socket.localAddress ?? "0.0.0.0", port: socket.localPort ?? 0 };
    this.remoteAddr = {
      hostname: socket.remoteAddress ?? remote.hostname,
      port: socket.remotePort ?? remote.port,
    };
    socket.on("data", (chunk: Uint8Array) => this.#onData(chunk));
    socket.on("end", () => this.#onEnd());
    // This listener is never removed: an error without a listener would end the process.
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => {
      if (!this.#ended) this.#fail(closedError());
      this.#rejectWrite?.(this.#failure ?? closedError());
    });
    // A socket that waited to be accepted may be closed already, and has no event any more.
    if (socket.destroyed) this.#fail(closedError());
    socket.resume();
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#unread.bytes > 0) return Promise.resolve(this.#take(buffer));
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#reader = { buffer, resolve, reject };
    });
  }

  write(data: Uint8Array): Promise<number> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    const part = data.length > MAX_WRITE_BYTES ? data.subarray(0, MAX_WRITE_BYTES) : data;
    return new Promise((resolve, reject) => {
      this.#rejectWrite = reject;
      this.#socket.write(part, (error) => {
        this.#rejectWrite = undefined;
        if (error) reject(this.#failure ?? error);
        else resolve(part.length);
      });
    });
  }

  closeWrite(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#rejectWrite = reject;
      this.#socket.end(() => {
        this.#rejectWrite = undefined;
        resolve();
      });
    });
  }

  close(): void {
    this.#unread.clear();
    this.#fail(closedError());
    this.#rejectWrite?.(this.#failure);
    this.#rejectWrite = undefined;
    this.#socket.destroy();
  }

  unref(): void {
    this.#socket.unref();
  }

  setNoDelay(on: boolean): void {
    this.#socket.setNoDelay(on);
  }

  setKeepAlive(on: boolean): void {
    this.#socket.setKeepAlive(on);
  }

  #onData(chunk: Uint8Array): void {
    if (this.#failure !== undefined) return;
    this.#unread.push(chunk);
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      reader.resolve(this.#take(reader.buffer));
    }
    if (this.#unread.bytes >= HIGH_WATER_BYTES && !this.#paused) {
      this.#paused = true;
      this.#socket.pause();
    }
  }

  #take(buffer: Uint8Array): number {
    const taken = this.#unread.take(buffer);
    if (this.#paused && this.#unread.bytes < HIGH_WATER_BYTES) {
      this.#paused = false;
      this.#socket.resume();
    }
    return taken;
  }

  #onEnd(): void {
    this.#ended = true;
    this.#reader?.resolve(null);
    this.#reader = undefined;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    this.#reader?.reject(this.#failure);
    this.#reader = undefined;
  }
}

/** Error of a socket that was closed here. */
export function closedError(): Error {
  return Object.assign(new Error("The socket is closed"), { code: "EBADF" });
}
