/**
 * Hybrid vsock: a Unix socket through which Firecracker and Cloud Hypervisor give access to a guest's vsock.
 *
 * A dial sends `CONNECT <port>\n`. The monitor answers `OK <number>\n`, with a number that it chooses, and then
 * forwards the guest's bytes. If the guest doesn't listen, the monitor closes the connection or never answers.
 * Connections from the guest arrive at a Unix socket named `PATH_PORT`.
 *
 * @module
 */

import { TransportError } from "../errors.ts";
import { type RawConn, runtime } from "../runtime/mod.ts";
import type { HvsockAddress } from "./address.ts";
import { checkUnixPath, formatAddress } from "./address.ts";
import { ConnStream } from "./conn_stream.ts";
import { codedError, connectError } from "./failure.ts";
import type { ByteStream, Listener } from "./types.ts";
import { connectUnix, listenUnix, type UnixListenOptions } from "./unix.ts";

/** Times of {@link dialHvsock}, in ms. */
export interface HvsockOptions {
  /** Time limit for the monitor's answer. Default 1,000. */
  replyTimeoutMs?: number;
  /** Delay before the next CONNECT. Default 100. */
  retryDelayMs?: number;
}

/** Limits of a dial; `explain` returns the error text of its timeout. */
export interface HvsockAttempt {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  explain?: () => string;
}

// Limit on the monitor's answer, in bytes; the longest valid one, "OK 4294967295\n", has 14.
const MAX_REPLY_BYTES = 32;

const utf8 = new TextEncoder();

/** Connects to a guest; repeats CONNECT until the dial's timeout, because the guest may still be booting. */
export async function dialHvsock(
  address: HvsockAddress,
  attempt: HvsockAttempt,
  options: HvsockOptions = {},
): Promise<ByteStream> {
  const text = formatAddress(address);
  const { signal } = attempt;
  let tries = 0;
  attempt.explain = () =>
    `Cannot connect to ${text}: guest is not listening on port ${address.port} ` +
    `(${tries} ${tries === 1 ? "try" : "tries"} in ${
      Number((attempt.timeoutMs / 1000).toFixed(2))
    } s)`;
  for (;;) {
    signal.throwIfAborted();
    tries++;
    const stream = await sendConnect(address, text, signal, options.replyTimeoutMs ?? 1000);
    if (stream !== undefined) return stream;
    await pause(options.retryDelayMs ?? 100, signal);
  }
}

/** Sends one CONNECT; undefined on close or timeout. */
async function sendConnect(
  address: HvsockAddress,
  text: string,
  signal: AbortSignal,
  replyTimeoutMs: number,
): Promise<ByteStream | undefined> {
  let conn: RawConn;
  try {
    conn = await connectUnix({ kind: "unix", path: address.path });
  } catch (error) {
    if (runtime.errorCode(error) === "ENOENT") {
      throw new TransportError(
        `Cannot connect to ${text}: the socket does not exist; is the virtual machine running?`,
        { address: text, cause: error },
      );
    }
    throw connectError(text, error);
  }
  let open = true;
  const close = () => {
    if (open) conn.close();
    open = false;
  };
  const timer = setTimeout(close, replyTimeoutMs);
  signal.addEventListener("abort", close);
  try {
    if (signal.aborted) close();
    const request = utf8.encode(`CONNECT ${address.port}\n`);
    const written = await conn.write(request);
    if (written !== request.length) throw codedError("EIO", "short write");
    const leftover = await readReply(conn, text);
    if (leftover === undefined) close();
    else {
      open = false;
      const raw = leftover.length === 0 ? conn : new LeftoverConn(conn, leftover);
      return new ConnStream(raw, { address: text, transport: "hvsock" }, text);
    }
  } catch (error) {
    close();
    // A close, reset or timeout means that the guest is not ready yet.
    if (error instanceof TransportError) throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", close);
  }
  signal.throwIfAborted();
  return undefined;
}

/** Reads the answer; resolves to the bytes after it, or to undefined if the connection was closed. */
async function readReply(conn: RawConn, text: string): Promise<Uint8Array | undefined> {
  const buffer = new Uint8Array(512);
  let filled = 0;
  for (;;) {
    const count = await conn.read(buffer.subarray(filled));
    if (count === null) {
      if (filled === 0) return undefined;
      throw wrongReply(text, buffer.subarray(0, filled));
    }
    filled += count;
    const end = buffer.subarray(0, Math.min(filled, MAX_REPLY_BYTES)).indexOf(0x0a);
    if (end >= 0) {
      const line = buffer.subarray(0, end);
      if (!/^OK \d{1,10}$/.test(ascii(line))) throw wrongReply(text, line);
      return buffer.slice(end + 1, filled);
    }
    if (filled >= MAX_REPLY_BYTES) throw wrongReply(text, buffer.subarray(0, MAX_REPLY_BYTES));
  }
}

function wrongReply(text: string, line: Uint8Array): TransportError {
  return new TransportError(
    `Cannot connect to ${text}: the socket answered ${JSON.stringify(ascii(line))} ` +
      `instead of "OK <number>"; it is not a hybrid vsock socket`,
    { address: text },
  );
}

/** Decodes one character per byte, so that an invalid answer is shown unchanged. */
function ascii(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** Connection that first returns the bytes that followed the monitor's answer. */
class LeftoverConn implements RawConn {
  readonly #conn: RawConn;
  #leftover: Uint8Array;

  constructor(conn: RawConn, leftover: Uint8Array) {
    this.#conn = conn;
    this.#leftover = leftover;
  }

  read(buffer: Uint8Array): Promise<number | null> {
    const leftover = this.#leftover;
    if (leftover.length === 0) return this.#conn.read(buffer);
    const count = Math.min(leftover.length, buffer.length);
    buffer.set(leftover.subarray(0, count));
    this.#leftover = leftover.subarray(count);
    return Promise.resolve(count);
  }

  write(data: Uint8Array): Promise<number> {
    return this.#conn.write(data);
  }

  closeWrite(): Promise<void> {
    return this.#conn.closeWrite();
  }

  close(): void {
    this.#leftover = new Uint8Array(0);
    this.#conn.close();
  }

  unref(): void {
    this.#conn.unref();
  }
}

/** Listens for a guest's connections to a port, on the Unix socket `PATH_PORT`. */
export async function listenHvsock(
  address: HvsockAddress,
  options: UnixListenOptions = {},
): Promise<Listener> {
  const text = formatAddress(address);
  const path = `${address.path}_${address.port}`;
  checkUnixPath(text, path, `path ${path}`);
  return await listenUnix({ kind: "unix", path }, options, { address: text, transport: "hvsock" });
}
