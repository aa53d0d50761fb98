/**
 * Checks that byte streams of an application keep the contract of {@link ByteStream}: a read of 0 bytes would make a
 * connection spin, a count above the buffer's length would make it use bytes that were not read.
 *
 * @module
 */

import type { PeerInfo } from "../call/wire.ts";
import { isInstance, textOf } from "../errors.ts";
import type { ByteStream } from "./types.ts";

/**
 * Returns a stream whose reads and writes reject when `stream` breaks the contract. Errors of its `close` go to
 * `onFault`. Throws a TypeError, in which `what` names the value, if `stream` is not a byte stream.
 */
export function guardStream(
  stream: unknown,
  what: string,
  onFault: (error: unknown) => void,
): ByteStream {
  let missing: string | undefined;
  try {
    const members = stream as Readonly<Record<string, unknown>>;
    missing = ["read", "write", "closeWrite", "close"].find((name) =>
      typeof members[name] !== "function"
    );
  } catch {
    // The value is undefined, null, or a Proxy with traps that throw.
    throw new TypeError(`${what} is not a byte stream: ${textOf(stream)}`);
  }
  if (missing !== undefined) {
    throw new TypeError(`${what} is not a byte stream: it has no function ${missing}`);
  }
  return new GuardedStream(stream as ByteStream, onFault);
}

class GuardedStream implements ByteStream {
  readonly handshake?: () => Promise<void>;
  readonly released?: () => Promise<void>;
  readonly unref?: () => void;
  readonly channelBinding?: ByteStream["channelBinding"];
  readonly #inner: ByteStream;
  readonly #onFault: (error: unknown) => void;

  constructor(inner: ByteStream, onFault: (error: unknown) => void) {
    this.#inner = inner;
    this.#onFault = onFault;
    if (inner.handshake !== undefined) {
      this.handshake = async () => {
        await inner.handshake!();
      };
    }
    if (inner.released !== undefined) {
      this.released = async () => {
        try {
          await inner.released!();
        } catch (error) {
          this.#onFault(error);
        }
      };
    }
    if (inner.channelBinding !== undefined) {
      this.channelBinding = () => inner.channelBinding!();
    }
    if (inner.unref !== undefined) {
      this.unref = () => this.#run(() => inner.unref!());
    }
  }

  async read(buffer: Uint8Array): Promise<number | null> {
    const count: unknown = await this.#inner.read(buffer);
    return count === null ? null : checkCount("read", count, buffer.length);
  }

  async write(data: Uint8Array): Promise<number> {
    return checkCount("write", await this.#inner.write(data), data.length);
  }

  async closeWrite(): Promise<void> {
    await this.#inner.closeWrite();
  }

  close(): void {
    this.#run(() => this.#inner.close());
  }

  #run(action: () => unknown): void {
    try {
      onRejection(action(), this.#onFault);
    } catch (error) {
      this.#onFault(error);
    }
  }

  get peer(): PeerInfo {
    const peer: unknown = this.#inner.peer;
    onRejection(peer, () => {});
    if (typeof peer === "object" && peer !== null && "transport" in peer) return peer as PeerInfo;
    throw new TypeError(
      "The byte stream has no peer: must be an object with address and transport",
    );
  }

  get localAddress(): string {
    return this.#inner.localAddress;
  }
}

/** Calls `onReject` if a value is a promise that rejects; unhandled, the rejection would end the process. */
function onRejection(value: unknown, onReject: (error: unknown) => void): void {
  if (isInstance(value, Promise)) Promise.prototype.then.call(value, undefined, onReject);
}

function checkCount(what: "read" | "write", count: unknown, most: number): number {
  if (Number.isInteger(count) && (count as number) >= 1 && (count as number) <= most) {
    return count as number;
  }
  const shown = typeof count === "number" ? count : `a ${typeof count}`;
  const end = what === "read" ? ", or null at the end" : "";
  throw new TypeError(`The byte stream's ${what} returned ${shown}: must be 1 to ${most}${end}`);
}
