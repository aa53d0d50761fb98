/**
 * A web server behind the HTTP/1.1 engine, in memory: requests go in as bytes, responses come out parsed.
 *
 * @module
 */
import { Http1ServerConnection } from "../../../src/http1/connection.ts";
import type { Exchange } from "../../../src/http1/exchange.ts";
import { HTTP1_DEFAULTS } from "../../../src/http1/options.ts";
import { ENCODINGS } from "../../../src/call/encodings.ts";
import { MemoryPool, MemoryShare } from "../../../src/limits/memory_pool.ts";
import type { ServerCall } from "../../../src/call/wire.ts";
import { type CorsPolicy, NO_CORS } from "../../../src/web/server/cors.ts";
import { Http1Exchange } from "../../../src/web/server/http1_exchange.ts";
import { WebServer } from "../../../src/web/server/web_server.ts";

/** A response, its body without chunks. */
export interface Answer {
  readonly status: number;
  readonly fields: ReadonlyMap<string, string>;
  readonly body: Uint8Array;
}

/** Connection of a client to a web server. */
export class Http1Pair {
  readonly engine: Http1ServerConnection;
  readonly memory = new MemoryShare(new MemoryPool());
  broken: string | undefined;

  constructor(
    accept: (call: ServerCall) => void,
    options: { maxReceiveMessageBytes?: number; cors?: CorsPolicy; serving?: boolean } = {},
  ) {
    const web = new WebServer({
      cors: options.cors ?? NO_CORS,
      maxReceiveMessageBytes: options.maxReceiveMessageBytes ?? 65_536,
      encodings: ENCODINGS,
      infoText: "about\n",
      isServing: () => options.serving ?? true,
    });
    this.engine = new Http1ServerConnection(
      {
        onRequest: (exchange: Exchange) =>
          web.open(new Http1Exchange(exchange, this.memory), accept),
        onBroken: (reason) => this.broken = reason,
        commonFields: () => [],
      },
      { ...HTTP1_DEFAULTS, maxBodyBytes: Infinity },
      0,
    );
  }

  /** Sends bytes in parts of `partBytes`. */
  send(bytes: Uint8Array, partBytes: number = bytes.length): this {
    for (let at = 0; at < bytes.length; at += partBytes) {
      this.engine.receive(bytes.slice(at, at + partBytes), 0);
    }
    return this;
  }

  /** Takes what the server has sent, as the socket of a client that reads. */
  drain(): Uint8Array {
    const parts: number[] = [];
    while (this.engine.out.length > 0) {
      const { buffer, length } = this.engine.out.take();
      parts.push(...buffer.subarray(0, length));
      this.engine.out.accepted = this.engine.out.taken;
      this.engine.outputDrained(0);
    }
    return Uint8Array.from(parts);
  }

  /** Parses the one response that the server has sent. */
  answer(): Answer {
    return parseAnswer(this.drain());
  }
}

/** Builds a request with a body. */
export function request(
  method: string,
  target: string,
  fields: Readonly<Record<string, string>>,
  body: Uint8Array = new Uint8Array(),
): Uint8Array {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const length = method === "POST" ? `content-length: ${body.length}\r\n` : "";
  const head = `${method} ${target} HTTP/1.1\r\nhost: a\r\n${lines}${length}\r\n`;
  return new Uint8Array([...new TextEncoder().encode(head), ...body]);
}

function parseAnswer(bytes: Uint8Array): Answer {
  const text = new TextDecoder("latin1").decode(bytes);
  const end = text.indexOf("\r\n\r\n");
  const [statusLine, ...lines] = text.slice(0, end).split("\r\n");
  const fields = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, colon);
    const value = line.slice(colon + 1).trim();
    fields.set(name, fields.has(name) ? `${fields.get(name)}, ${value}` : value);
  }
  const rest = bytes.subarray(end + 4);
  const chunked = fields.get("transfer-encoding") === "chunked";
  return {
    status: Number(statusLine.split(" ")[1]),
    fields,
    body: chunked ? unchunked(rest) : rest,
  };
}

function unchunked(bytes: Uint8Array): Uint8Array {
  const text = new TextDecoder("latin1").decode(bytes);
  const body: number[] = [];
  for (let at = 0;;) {
    const line = text.indexOf("\r\n", at);
    if (line < 0) throw new Error("the chunked body is not complete");
    const length = parseInt(text.slice(at, line), 16);
    if (length === 0) return Uint8Array.from(body);
    body.push(...bytes.subarray(line + 2, line + 2 + length));
    at = line + 2 + length + 2;
  }
}
