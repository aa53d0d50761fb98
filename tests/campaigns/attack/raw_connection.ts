/** Socket that writes any bytes and counts the frames of the server. */

import { setImmediate } from "node:timers";
import type { Wire } from "./report.ts";

// Most bytes of one write. The kernel is not preempted within a write: one of 4 MiB keeps the well-behaved client, on the
// same core, waiting for up to 10 ms.
const WRITE_BYTES = 65_536;

/** The wires by their names in TLS handshakes. */
export const ALPN = {
  ...{ grpc: "h2", lean: "vrpc-lean/1" },
  ...{ websocket: "http/1.1", web: "http/1.1", http1: "http/1.1" },
} as const;

/** Counts of frames from the server, over all connections of an attacker. */
export class Answers {
  readonly counts = new Map<string, number>();

  add(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1);
  }
}

/** Server to attack. */
export interface Victim {
  readonly hostname: string;
  readonly port: number;
  /** Certificate to trust; undefined for plain TCP. */
  readonly ca?: string;
}

const HTTP2_HEADER_BYTES = 9;
const LEAN_HEADER_BYTES = 16;

/** Connection; `wire` selects how frames are parsed. */
export class RawConnection {
  /** False after a close or an error. */
  open = true;
  bytesSent = 0;
  bytesReceived = 0;
  readonly startedMs = performance.now();
  closedMs = Infinity;
  #rest = new Uint8Array(0);
  #skip = 0;
  #closing = false;

  private constructor(
    readonly conn: Deno.Conn,
    readonly wire: Wire,
    readonly answers: Answers,
  ) {}

  /** Connects; without `reading`, nothing is read from the socket. */
  static async open(
    victim: Victim,
    wire: Wire,
    answers: Answers,
    reading: boolean,
  ): Promise<RawConnection> {
    const { hostname, port, ca } = victim;
    const conn = ca === undefined ? await Deno.connect({ hostname, port }) : await Deno.connectTls({
      hostname,
      port,
      caCerts: [ca],
      alpnProtocols: [ALPN[wire]],
    });
    const connection = new RawConnection(conn, wire, answers);
    if (reading) connection.#read();
    return connection;
  }

  /** Writes all bytes; returns false when the connection has ended. */
  async write(bytes: Uint8Array): Promise<boolean> {
    try {
      for (let at = 0; at < bytes.length && this.open;) {
        const count = await this.conn.write(bytes.subarray(at, at + WRITE_BYTES));
        at += count;
        this.bytesSent += count;
      }
      // Yields to the reader, because writes may succeed synchronously.
      await new Promise((resolve) => setImmediate(resolve));
    } catch {
      this.#over();
    }
    return this.open;
  }

  close(): void {
    this.#closing = true;
    this.#over();
    try {
      this.conn.close();
    } catch {
      // Already closed.
    }
  }

  #over(): void {
    if (!this.open) return;
    this.open = false;
    this.closedMs = performance.now();
  }

  async #read(): Promise<void> {
    const buffer = new Uint8Array(65_536);
    try {
      for (;;) {
        const count = await this.conn.read(buffer);
        if (count === null) break;
        this.bytesReceived += count;
        this.#parse(buffer.subarray(0, count));
      }
      if (!this.#closing) this.answers.add("closed");
    } catch {
      if (!this.#closing) this.answers.add("reset");
    }
    this.#over();
  }

  #parse(chunk: Uint8Array): void {
    if (ALPN[this.wire] === "http/1.1") return this.#countStatuses(chunk);
    let bytes = chunk;
    if (this.#rest.length > 0) {
      bytes = new Uint8Array(this.#rest.length + chunk.length);
      bytes.set(this.#rest);
      bytes.set(chunk, this.#rest.length);
    }
    let at = 0;
    while (at < bytes.length) {
      if (this.#skip > 0) {
        const skipped = Math.min(this.#skip, bytes.length - at);
        this.#skip -= skipped;
        at += skipped;
        continue;
      }
      const length = this.wire === "grpc" ? this.#http2(bytes, at) : this.#lean(bytes, at);
      if (length === 0) break;
      this.#skip = length;
    }
    this.#rest = bytes.slice(at);
  }

  // A status line that is cut between two reads is not counted.
  #countStatuses(chunk: Uint8Array): void {
    const text = new TextDecoder("latin1").decode(chunk);
    for (const [, status] of text.matchAll(/HTTP\/1\.1 (\d{3}) /g)) this.answers.add(status);
  }

  // Return the length of the frame at `at`, or 0 when it is incomplete.
  #http2(bytes: Uint8Array, at: number): number {
    if (bytes.length - at < HTTP2_HEADER_BYTES) return 0;
    const length = bytes[at] << 16 | bytes[at + 1] << 8 | bytes[at + 2];
    const type = bytes[at + 3];
    if (type === 3 || type === 7) {
      if (bytes.length - at < HTTP2_HEADER_BYTES + length) return 0;
      const code = bytes[at + (type === 3 ? 12 : 16)];
      this.answers.add(`${type === 3 ? "RST_STREAM" : "GOAWAY"} ${code}`);
    } else if (type === 1) {
      this.answers.add("HEADERS");
    }
    return HTTP2_HEADER_BYTES + length;
  }

  #lean(bytes: Uint8Array, at: number): number {
    if (bytes.length - at < LEAN_HEADER_BYTES + 2) return 0;
    const type = bytes[at + 10] << 8 | bytes[at + 11];
    const value = (bytes[at + 12] << 24 | bytes[at + 13] << 16 | bytes[at + 14] << 8 |
      bytes[at + 15]) >>> 0;
    if (bytes[at + 1] === 0 && bytes[at + 16] === 5) this.answers.add(`GOODBYE ${bytes[at + 17]}`);
    else if (bytes[at + 1] & 0x10) this.answers.add("ERROR");
    else if (bytes[at + 1] & 0x02) this.answers.add("RESPONSE");
    return LEAN_HEADER_BYTES + type + value;
  }
}
