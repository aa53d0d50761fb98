/** A server of the HTTP/1.1 engine's client that records what happens. */

import {
  Http1ClientConnection,
  type Http1ClientLimits,
} from "../../src/http1/client_connection.ts";
import type { ClientExchange, RequestProgress } from "../../src/http1/client_exchange.ts";
import type { OutgoingHead } from "../../src/http1/request_writer.ts";
import type { ResponseHead } from "../../src/http1/response_head.ts";
import { concat, untext } from "../fixtures/bytes.ts";
import { octets } from "./harness.ts";

/** What the engine reported of one response. */
export class Received {
  exchange!: ClientExchange;
  head: ResponseHead | null = null;
  readonly parts: Uint8Array[] = [];
  trailers: readonly string[] | null = null;
  aborted: { reason: string; progress: RequestProgress } | null = null;
  writable = 0;
  /** Runs at each event, by its name. */
  onEvent: (event: string) => void = () => {};

  get body(): string {
    return untext(concat(...this.parts));
  }

  /** Everything that was reported, for comparison. */
  get summary(): unknown {
    const { head, body, trailers, aborted } = this;
    return { head, body, trailers, aborted };
  }
}

export const GET: OutgoingHead = {
  method: "GET",
  target: "/a",
  host: "a",
  fields: [],
  bodyBytes: 0,
};

/** A client's engine with recording sinks. */
export class Peer {
  nowMs = 1_000;
  readonly engine: Http1ClientConnection;
  readonly received: Received[] = [];
  readonly notes: string[] = [];
  unusable = 0;
  notifications = 0;

  constructor(limits: Http1ClientLimits = {}) {
    const sink = {
      onUnusable: () => this.unusable++,
      onNote: (_level: string, text: string) => this.notes.push(text),
    };
    this.engine = new Http1ClientConnection(sink, limits, this.nowMs);
    this.engine.onOutput = () => this.notifications++;
  }

  /** Starts a request. */
  request(head: OutgoingHead = GET): Received {
    const seen = new Received();
    const over = () => seen.trailers !== null || seen.aborted !== null;
    const event = (name: string) => {
      if (over()) throw new Error(`${name} after the end`);
      if ((seen.head === null) !== (name === "onHead") && name !== "onAbort") {
        if (name !== "onWritable") throw new Error(`${name} out of order`);
      }
    };
    seen.exchange = this.engine.request(head, {
      onHead: (response) => {
        event("onHead");
        seen.head = response;
        seen.onEvent("onHead");
      },
      onBody: (bytes) => {
        event("onBody");
        seen.parts.push(bytes.slice());
        seen.onEvent("onBody");
      },
      onEnd: (trailers) => {
        event("onEnd");
        seen.trailers = trailers;
        seen.onEvent("onEnd");
      },
      onAbort: (reason, progress) => {
        event("onAbort");
        seen.aborted = { reason, progress };
      },
      onWritable: () => {
        event("onWritable");
        seen.writable++;
      },
    });
    this.received.push(seen);
    return seen;
  }

  /** Sends a whole request without a body and takes it from the output. */
  get(head: OutgoingHead = GET): Received {
    const seen = this.request(head);
    seen.exchange.end();
    this.take();
    return seen;
  }

  /** Sends text as Latin-1 octets; the array is overwritten afterwards. */
  send(value: string | Uint8Array): this {
    const bytes = typeof value === "string" ? octets(value) : value.slice();
    this.engine.receive(bytes, this.nowMs);
    bytes.fill(0xee);
    return this;
  }

  /** Ends the server's side. */
  end(): this {
    this.engine.receiveEnd(this.nowMs);
    return this;
  }

  /** Takes the output, as a driver does. */
  take(): string {
    const { out } = this.engine;
    let text = "";
    while (out.length > 0) {
      const { buffer, length } = out.take();
      for (const octet of buffer.subarray(0, length)) text += String.fromCharCode(octet);
      out.accepted = out.taken;
      this.engine.outputDrained(this.nowMs);
    }
    return text;
  }

  /** Lets time pass, with the timers that the engine asks for. */
  wait(ms: number): this {
    this.nowMs += ms;
    if (this.engine.nextTimerMs() <= this.nowMs) this.engine.onTimer(this.nowMs);
    return this;
  }
}
