/** Both sides of HTTP/1.1 as fuzzing targets. */

import { Http1ClientConnection } from "../../../src/http1/client_connection.ts";
import type { ClientExchange, ResponseSink } from "../../../src/http1/client_exchange.ts";
import { Http1ServerConnection } from "../../../src/http1/connection.ts";
import type { Exchange, ExchangeSink } from "../../../src/http1/exchange.ts";
import { CHUNKED } from "../../../src/http1/framing.ts";
import type { ResponseHead } from "../../../src/http1/response_head.ts";
import { octets } from "../../http1/harness.ts";
import { Random } from "../simulation/random.ts";
import { drive, INVARIANT } from "./drive.ts";
import { check, Limits } from "./limits.ts";
import { join, scratch, type Target } from "./target.ts";

/** Reads the body, and answers with it; checks the order of events and that the request ends once. */
class HttpReader implements ExchangeSink {
  #ended = false;
  readonly #parts: Uint8Array[] = [];

  constructor(readonly exchange: Exchange, readonly habit: number) {}

  begin(): void {
    if (this.habit === 1) this.exchange.respond(404, [], "no");
    if (this.habit === 2) this.exchange.sendHead(200, []);
    if (this.habit < 3) this.exchange.readBody();
  }

  onBody(bytes: Uint8Array): void {
    check(!this.#ended, "onBody after the end");
    this.#parts.push(bytes.slice());
    if (this.habit === 2) this.exchange.sendBody(bytes);
  }

  onBodyEnd(): void {
    check(!this.#ended, "onBodyEnd twice");
    this.#ended = true;
    if (this.habit === 0) this.exchange.respond(200, ["x", "y"], join(this.#parts));
    else this.exchange.end();
  }

  onAbort(): void {
    check(!this.exchange.ended || !this.#ended || this.habit > 0, "onAbort after the response");
    this.#ended = true;
  }

  onWritable(): void {
    check(!this.exchange.ended, "onWritable after the end");
  }
}

function runServer(input: Uint8Array, seed: number): void {
  const random = new Random(seed);
  const habit = random.pick([0, 0, 1, 2, 3]);
  const engine = new Http1ServerConnection(
    {
      onRequest(exchange) {
        const reader = new HttpReader(exchange, habit);
        exchange.sink = reader;
        reader.begin();
      },
      onBroken() {},
      commonFields: () => ["date", "Thu, 01 Jan 1970 00:00:00 GMT"],
    },
    {
      maxHeaderBytes: random.pick([1_024, 16_384]),
      maxHeaderFields: random.pick([16, 100]),
      maxBodyBytes: random.pick([100, 67_108_864]),
    },
    1_000,
  );
  drive({ engine }, input, random, new Limits(seed));
}

/** Lines with their ends. */
function splitLines(input: Uint8Array): Uint8Array[] {
  const lines: Uint8Array[] = [];
  for (let from = 0; from < input.length;) {
    const end = input.indexOf(10, from);
    const to = end < 0 ? input.length : end + 1;
    lines.push(input.subarray(from, to));
    from = to;
  }
  return lines;
}

const REQUESTS = [
  "GET /a?b HTTP/1.1\r\nHost: a\r\nX-Y: z\r\n\r\n",
  "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello",
  "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX: y\r\n\r\n",
  "PUT /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
  "HEAD http://b/ HTTP/1.0\r\nConnection: keep-alive\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
];

/** A request, and checks of the order and the size of its response. */
class HttpRequest implements ResponseSink {
  ended = false;
  #head: ResponseHead | null = null;
  #bodyBytes = 0;
  readonly exchange: ClientExchange;

  constructor(engine: Http1ClientConnection, readonly limits: HttpLimits, readonly random: Random) {
    const method = random.pick(["GET", "HEAD", "POST", "POST"]);
    const bodyBytes = method === "POST" ? random.pick([0, 3, CHUNKED]) : 0;
    const head = { method, target: "/a?b", host: "a", fields: ["x", "y"], bodyBytes };
    this.exchange = engine.request(head, this);
    if (bodyBytes !== 0) this.exchange.send(Uint8Array.of(1), Uint8Array.of(2, 3));
    // Sometimes the response arrives before the end of the request.
    if (bodyBytes === 0 || random.chance(0.8)) this.exchange.end();
  }

  /** Changes something from time to time. */
  act(): void {
    if (this.ended) return;
    if (this.random.chance(0.05)) this.exchange.setPaused(!this.exchange.paused);
    if (this.random.chance(0.02)) this.exchange.end();
    if (this.random.chance(0.005)) {
      this.exchange.cancel();
      this.ended = true;
    }
  }

  onHead(head: ResponseHead): void {
    check(!this.ended && this.#head === null, "onHead once, before the end");
    check(head.status >= 200 && head.status <= 999, `status ${head.status}`);
    const { fields } = head;
    check(fields.length / 2 <= this.limits.maxHeaderFields, `${fields.length / 2} fields`);
    const bytes = fields.reduce((sum, text) => sum + text.length, 0);
    check(bytes <= this.limits.maxHeaderBytes, `${bytes} bytes of fields`);
    check(this.exchange.head.method !== "HEAD" || head.bodyBytes === 0, "a body of HEAD");
    this.#head = head;
  }

  onBody(bytes: Uint8Array): void {
    check(!this.ended && this.#head !== null, "onBody between onHead and the end");
    this.#bodyBytes += bytes.length;
  }

  onEnd(trailers: readonly string[]): void {
    check(!this.ended && this.#head !== null, "onEnd once, after onHead");
    const { bodyBytes } = this.#head!;
    const known = bodyBytes !== CHUNKED && bodyBytes !== Infinity;
    check(!known || this.#bodyBytes === bodyBytes, `${this.#bodyBytes} of ${bodyBytes} bytes`);
    check(trailers.length === 0 || bodyBytes === CHUNKED, "trailers without chunks");
    this.ended = true;
  }

  onAbort(): void {
    check(!this.ended, "onAbort once, without onEnd");
    this.ended = true;
  }

  onWritable(): void {
    check(!this.ended, "onWritable before the end");
  }
}

/** Limits of header sections. */
interface HttpLimits {
  readonly maxHeaderBytes: number;
  readonly maxHeaderFields: number;
}

/** The client's connection with the count of calls that {@link drive} checks. */
class CountingConnection extends Http1ClientConnection {
  get activeCalls(): number {
    return this.busy ? 1 : 0;
  }
}

function runClient(input: Uint8Array, seed: number): void {
  const random = new Random(seed);
  const limits = {
    maxHeaderBytes: random.pick([1_024, 16_384]),
    maxHeaderFields: random.pick([16, 100]),
  };
  const engine = new CountingConnection({ onUnusable() {} }, limits, 1_000);
  const requests: HttpRequest[] = [];
  const beforeOutput = () => {
    if (engine.usable && !engine.busy && requests.length < 50) {
      requests.push(new HttpRequest(engine, limits, random));
    }
    requests.at(-1)?.act();
    if (random.chance(0.002)) engine.drain(1_000);
  };
  drive({ engine, beforeOutput }, input, random, new Limits(seed));
  check(requests.every((one) => one.ended), "every request has a response or an end");
}

const RESPONSES = [
  "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nKeep-Alive: timeout=5\r\n\r\nhello",
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;a="b"\r\nhello\r\n0\r\nX: y\r\n\r\n',
  "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 204\r\n\r\n",
  "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.1 404 \r\nContent-Length: 0\r\n\r\n",
  "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
  "HTTP/1.1 500 caf\xe9\r\nConnection: close\r\n\r\nuntil the end",
];

const seedsOf = (texts: readonly string[]) => () => texts.map((text) => octets(text.repeat(3)));

const lines = { invariant: INVARIANT, split: splitLines, bend: scratch };

/** Targets. */
export const HTTP1: readonly Target[] = [
  { ...lines, name: "http1_server", seeds: seedsOf(REQUESTS), run: runServer },
  { ...lines, name: "http1_client", seeds: seedsOf(RESPONSES), run: runClient },
];
