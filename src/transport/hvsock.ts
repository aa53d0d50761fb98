/**
 * Hybrid vsock: the Unix-socket door that Firecracker and Cloud Hypervisor give to a guest's vsock.
 *
 * Dialling: `CONNECT <port>\n` is answered by `OK <number>\n` (the number is the monitor's own choice), and
 * the guest's bytes follow. When nobody listens in the guest, the door just closes, or never answers. To
 * connections from the guest one listens on a Unix socket named `PATH_PORT`.
 *
 * @module
 */

import { TransportError } from "../errors.ts";
import type { HvsockAddress } from "./address.ts";
import { checkUnixPath, formatAddress } from "./address.ts";
import { ConnStream, type RawConn } from "./conn_stream.ts";
import { connectError } from "./failure.ts";
import type { ByteStream, Listener } from "./types.ts";
import { connectUnix, listenUnix } from "./unix.ts";

/** How long the door may take to answer, and how long to wait before asking again, in ms. */
export interface HvsockOptions {
  /** Default 1000. */
  replyTimeoutMs?: number;
  /** Default 100. */
  retryDelayMs?: number;
}

/** What a dial knows of its own end; `explain` words what its timeout means. */
export interface HvsockAttempt {
  readonly signal: AbortSignal;
  readonly timeoutMs: number;
  explain?: () => string;
}

// "OK 4294967295\n" takes 14; anything longer is no reply.
const MAX_REPLY_BYTES = 32;

const utf8 = new TextEncoder();

/** Connects through a door; asks again until the dial's own timeout, because the guest may still boot. */
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

/** Asks once; undefined when the door closed or did not answer in time. */
async function sendConnect(
  address: HvsockAddress,
  text: string,
  signal: AbortSignal,
  replyTimeoutMs: number,
): Promise<ByteStream | undefined> {
  let conn: Deno.UnixConn;
  try {
    conn = await connectUnix({ kind: "unix", path: address.path });
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) {
      throw new TransportError(
        `Cannot connect to ${text}: there is no such socket; is the virtual machine running?`,
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
    if (written !== request.length) throw new Deno.errors.WriteZero("short write");
    const leftover = await readReply(conn, text);
    if (leftover === undefined) close();
    else {
      open = false;
      const raw = leftover.length === 0 ? conn : new LeftoverConn(conn, leftover);
      return new ConnStream(raw, { address: text, transport: "hvsock" }, text);
    }
  } catch (error) {
    close();
    // Whatever else went wrong with the door (closed, reset, out of time) means: not yet.
    if (error instanceof TransportError) throw error;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", close);
  }
  signal.throwIfAborted();
  return undefined;
}

/** Reads the reply line; resolves to what came behind it, or to undefined when the door closed. */
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
      `instead of "OK <number>"; it is no hybrid vsock door`,
    { address: text },
  );
}

/** Bytes as text, one character each, so that nothing in a wrong reply is lost or merged. */
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

/** A connection of which some bytes have been read already. */
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
}

/** Listens for a guest's connections to a port: on the Unix socket `PATH_PORT`. */
export async function listenHvsock(address: HvsockAddress): Promise<Listener> {
  const text = formatAddress(address);
  const path = `${address.path}_${address.port}`;
  checkUnixPath(text, path, `path ${path}`);
  return await listenUnix({ kind: "unix", path }, { address: text, transport: "hvsock" });
}
