/** A client of the HTTP/1.1 engine that records what happens. */

import { Http1ServerConnection, type Http1ServerSink } from "../../src/http1/connection.ts";
import type { Exchange } from "../../src/http1/exchange.ts";
import type { Http1Limits } from "../../src/http1/options.ts";
import { concat, untext } from "../fixtures/bytes.ts";

/** What the engine reported of one request. */
export class Seen {
  readonly parts: Uint8Array[] = [];
  trailers: readonly string[] | null = null;
  aborted: string | null = null;
  writable = 0;

  constructor(readonly exchange: Exchange) {}

  get body(): string {
    return untext(concat(...this.parts));
  }

  get ended(): boolean {
    return this.trailers !== null;
  }
}

/** Handles a request once its header section arrived. */
export type Handle = (exchange: Exchange, seen: Seen) => void;

/** Reads the body, and answers 200 with it when it is complete. */
export const echo: Handle = (exchange, seen) => {
  const done = () => exchange.respond(200, ["content-type", "text/plain"], seen.body);
  if (seen.ended || exchange.head.bodyBytes === 0) return done();
  exchange.sink = { ...exchange.sink, onBodyEnd: (trailers) => (seen.trailers = trailers, done()) };
  exchange.readBody();
};

/** Latin-1 octets of a text. */
export const octets = (value: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(value, (char) => char.charCodeAt(0));

/** An engine with a recording sink. */
export class Client implements Http1ServerSink {
  nowMs = 1_000;
  readonly engine: Http1ServerConnection;
  readonly seen: Seen[] = [];
  broken: string | null = null;
  output = "";
  notifications = 0;

  constructor(readonly handle: Handle = echo, limits: Http1Limits = {}) {
    this.engine = new Http1ServerConnection(this, limits, this.nowMs);
    this.engine.onOutput = () => this.notifications++;
  }

  onRequest(exchange: Exchange): void {
    const seen = new Seen(exchange);
    this.seen.push(seen);
    const check = (event: string) => {
      if (seen.aborted !== null) throw new Error(`${event} after onAbort`);
      if (seen.ended && event !== "onAbort") throw new Error(`${event} after onBodyEnd`);
    };
    exchange.sink = {
      onBody: (bytes) => {
        check("onBody");
        seen.parts.push(bytes.slice());
      },
      onBodyEnd: (trailers) => {
        check("onBodyEnd");
        seen.trailers = trailers;
      },
      onAbort: (reason) => {
        check("onAbort");
        seen.aborted = reason;
      },
      onWritable: () => seen.writable++,
    };
    this.handle(exchange, seen);
  }

  onBroken(reason: string): void {
    this.broken = reason;
  }

  commonFields(): readonly string[] {
    return [];
  }

  /** Sends text as Latin-1 octets; the array is overwritten afterwards. */
  send(value: string | Uint8Array): this {
    const bytes = typeof value === "string" ? octets(value) : value.slice();
    this.engine.receive(bytes, this.nowMs);
    bytes.fill(0xee);
    return this;
  }

  /** Takes the output, as a driver does. */
  take(): string {
    const { out } = this.engine;
    let text = "";
    while (out.length > 0) {
      const { buffer, length } = out.take();
      text += Array.from(buffer.subarray(0, length), (octet) => String.fromCharCode(octet)).join(
        "",
      );
      out.accepted = out.taken;
      this.engine.outputDrained(this.nowMs);
    }
    this.output += text;
    return text;
  }

  /** Lets time pass, with the timers that the engine asks for. */
  wait(ms: number): this {
    const endMs = this.nowMs + ms;
    for (let rounds = 0; this.engine.nextTimerMs() <= endMs; rounds++) {
      if (rounds > 1_000) throw new Error("The engine asks for a timer again and again");
      this.nowMs = Math.max(this.nowMs, this.engine.nextTimerMs());
      this.engine.onTimer(this.nowMs);
    }
    this.nowMs = endMs;
    return this;
  }

  /** Status codes of the responses so far. */
  get statuses(): number[] {
    this.take();
    return [...this.output.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map((match) => Number(match[1]));
  }
}
