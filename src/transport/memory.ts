/**
 * In-process byte streams: connected pairs, and listeners by name. They behave like sockets: bytes are ordered, bounded
 * and copied, and each direction can be closed by itself.
 *
 * @module
 */

import { ChunkQueue } from "../bytes/chunk_queue.ts";
import type { PeerInfo } from "../call/wire.ts";
import { TransportError } from "../errors.ts";
import type { MemoryAddress } from "./address.ts";
import type { ByteStream, Listener } from "./types.ts";

/** Default capacity of a pair of memory streams in each direction, in bytes. */
export const MEMORY_BUFFER_BYTES = 65536;
// Largest number of connections that wait to be accepted.
const BACKLOG = 511;

/** One direction of a pair: bytes that were written and not yet read. */
class Pipe {
  readonly #capacity: number;
  readonly #address: string;
  readonly #unread = new ChunkQueue();
  #ended = false;
  #broken: string | undefined;
  #reader: { buffer: Uint8Array; settle: Settle<number | null> } | undefined;
  #writer: { data: Uint8Array; settle: Settle<number> } | undefined;

  constructor(capacity: number, address: string) {
    this.#capacity = capacity;
    this.#address = address;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    if (this.#reader !== undefined) return Promise.reject(busy("read"));
    if (this.#broken !== undefined) return Promise.reject(this.#error());
    if (buffer.length === 0) return Promise.resolve(0);
    if (this.#unread.bytes > 0) return Promise.resolve(this.#take(buffer));
    if (this.#ended) return Promise.resolve(null);
    return new Promise((resolve, reject) => {
      this.#reader = { buffer, settle: { resolve, reject } };
    });
  }

  write(data: Uint8Array): Promise<number> {
    if (this.#writer !== undefined) return Promise.reject(busy("write"));
    if (this.#broken !== undefined) return Promise.reject(this.#error());
    if (this.#ended) return Promise.reject(this.#error("the sending side was closed here"));
    if (data.length === 0) return Promise.resolve(0);
    const reader = this.#reader;
    if (reader !== undefined) {
      this.#reader = undefined;
      const count = Math.min(data.length, reader.buffer.length);
      reader.buffer.set(data.subarray(0, count));
      reader.settle.resolve(count);
      return Promise.resolve(count);
    }
    if (this.#unread.bytes < this.#capacity) return Promise.resolve(this.#put(data));
    return new Promise((resolve, reject) => {
      this.#writer = { data, settle: { resolve, reject } };
    });
  }

  /** Ends writing; buffered bytes can still be read. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#reader?.settle.resolve(null);
    this.#reader = undefined;
    this.#writer?.settle.reject(this.#error("the sending side was closed here"));
    this.#writer = undefined;
  }

  /** Fails all reads and writes from now on. */
  break(reason: string): void {
    if (this.#broken !== undefined) return;
    this.#broken = reason;
    this.#unread.clear();
    this.#reader?.settle.reject(this.#error());
    this.#reader = undefined;
    this.#writer?.settle.reject(this.#error());
    this.#writer = undefined;
  }

  /** Whether there are unread bytes. */
  get pending(): boolean {
    return this.#unread.bytes > 0 || this.#writer !== undefined;
  }

  #put(data: Uint8Array): number {
    const count = Math.min(data.length, this.#capacity - this.#unread.bytes);
    // The `slice` of a Node Buffer doesn't copy.
    const chunk = new Uint8Array(count);
    chunk.set(count === data.length ? data : data.subarray(0, count));
    this.#unread.push(chunk);
    return count;
  }

  #take(buffer: Uint8Array): number {
    const taken = this.#unread.take(buffer);
    const writer = this.#writer;
    if (writer !== undefined) {
      this.#writer = undefined;
      writer.settle.resolve(this.#put(writer.data));
    }
    return taken;
  }

  #error(reason = this.#broken): TransportError {
    return new TransportError(`Connection with ${this.#address} broke: ${reason}`, {
      address: this.#address,
    });
  }
}

interface Settle<T> {
  resolve(value: T): void;
  reject(reason: unknown): void;
}

function busy(what: string): TypeError {
  return new TypeError(`Cannot ${what}: another ${what} is pending, limit is 1`);
}

class MemoryStream implements ByteStream {
  readonly peer: PeerInfo;
  readonly localAddress: string;
  readonly #incoming: Pipe;
  readonly #outgoing: Pipe;
  #closed = false;

  constructor(address: string, incoming: Pipe, outgoing: Pipe) {
    this.peer = { address, transport: "memory" };
    this.localAddress = address;
    this.#incoming = incoming;
    this.#outgoing = outgoing;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    return this.#incoming.read(buffer);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#outgoing.write(data);
  }

  closeWrite(): Promise<void> {
    if (!this.#closed) this.#outgoing.end();
    return Promise.resolve();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    // As in TCP, a close with unread bytes is a reset; otherwise the peer reads to the end.
    const reset = this.#incoming.pending;
    this.#incoming.break("it was closed");
    if (reset) this.#outgoing.break("the peer reset the connection");
    else this.#outgoing.end();
  }
}

/** Creates a connected pair of byte streams. `bufferBytes` is the capacity of each direction; default 65,536. */
export function memoryPair(
  options: { bufferBytes?: number; address?: string } = {},
): [ByteStream, ByteStream] {
  const capacity = options.bufferBytes ?? MEMORY_BUFFER_BYTES;
  if (!(capacity >= 1)) throw new RangeError(`bufferBytes must be at least 1, not ${capacity}`);
  const address = options.address ?? "memory:pair";
  const there = new Pipe(capacity, address);
  const back = new Pipe(capacity, address);
  return [new MemoryStream(address, back, there), new MemoryStream(address, there, back)];
}

const listeners = new Map<string, MemoryListener>();

class MemoryListener implements Listener {
  readonly address: string;
  readonly #name: string;
  #waiting: ByteStream[] = [];
  #acceptors: ((stream: ByteStream | null) => void)[] = [];
  #closed = false;

  constructor(name: string) {
    this.#name = name;
    this.address = `memory:${name}`;
  }

  connect(): ByteStream {
    if (this.#waiting.length >= BACKLOG) {
      throw new TransportError(
        `Cannot connect to ${this.address}: ${this.#waiting.length} connections wait to be accepted, ` +
          `limit is ${BACKLOG}`,
        { address: this.address },
      );
    }
    const [near, far] = memoryPair({ address: this.address });
    const acceptor = this.#acceptors.shift();
    if (acceptor !== undefined) acceptor(far);
    else this.#waiting.push(far);
    return near;
  }

  accept(): Promise<ByteStream | null> {
    if (this.#closed) return Promise.resolve(null);
    const stream = this.#waiting.shift();
    if (stream !== undefined) return Promise.resolve(stream);
    return new Promise((resolve) => this.#acceptors.push(resolve));
  }

  close(): Promise<void> {
    if (this.#closed) return Promise.resolve();
    this.#closed = true;
    listeners.delete(this.#name);
    for (const acceptor of this.#acceptors.splice(0)) acceptor(null);
    for (const stream of this.#waiting.splice(0)) stream.close();
    return Promise.resolve();
  }
}

/** Connects to a listener in this process. */
export function dialMemory(address: MemoryAddress): ByteStream {
  const listener = listeners.get(address.name);
  if (listener === undefined) {
    const text = `memory:${address.name}`;
    throw new TransportError(`Cannot connect to ${text}: nothing listens on it in this process`, {
      address: text,
    });
  }
  return listener.connect();
}

/** Listens under a name, which is visible only in this thread. */
export function listenMemory(address: MemoryAddress): Listener {
  const text = `memory:${address.name}`;
  if (listeners.has(address.name)) {
    throw new TransportError(
      `Cannot listen on ${text}: the address is in use in this process; choose another name`,
      { address: text },
    );
  }
  const listener = new MemoryListener(address.name);
  listeners.set(address.name, listener);
  return listener;
}
