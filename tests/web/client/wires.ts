/** Clients of Connect and gRPC-Web over both versions of HTTP, whose server is a test. */

import { HpackDecoder } from "../../../src/hpack/decoder.ts";
import { HeaderList } from "../../../src/hpack/header_list.ts";
import type { CallRequest, ClientCall, ClientConnection } from "../../../src/call/wire.ts";
import { Http1WebClient } from "../../../src/web/client/http1_client.ts";
import { Http2WebClient } from "../../../src/web/client/http2_client.ts";
import type { WebClientOptions } from "../../../src/web/client/options.ts";
import { concat, EMPTY, untext } from "../../fixtures/bytes.ts";
import { Outcome, request } from "../../grpc/pair.ts";
import { octets } from "../../http1/harness.ts";
import { data, headers, parse, rst, settings, settingsAck } from "../../http2/frames.ts";

/** What a client sent of its latest request. */
export interface Sent {
  method: string;
  path: string;
  authority: string;
  fields: Record<string, string>;
  body: Uint8Array;
  ended: boolean;
}

type Fields = Record<string, string>;

/** A client over one version of HTTP, and its server. */
export interface Wire {
  readonly version: "1.1" | "2";
  readonly client: ClientConnection;
  callEnds: number;
  stateChanges: number;
  readonly notes: string[];
  /** Takes the output; undefined before the head of a request. */
  sent(): Sent | undefined;
  /** Begins a response. */
  head(status: number, fields: Fields): void;
  /** Sends a part of its body. */
  body(bytes: Uint8Array): void;
  /** Ends it. */
  end(): void;
  /** Whether the client gave up its latest request. */
  cancelled(): boolean;
}

export const OPTIONS: WebClientOptions = {
  protocol: "connect",
  format: "proto",
  useGet: false,
  authority: "test:1",
  secure: false,
  userAgent: "vrpc",
  pathPrefix: "",
};

abstract class Base {
  callEnds = 0;
  stateChanges = 0;
  readonly notes: string[] = [];
  protected readonly sink = {
    onStateChange: () => void this.stateChanges++,
    onCallEnd: () => void this.callEnds++,
    onNote: (_: string, note: string) => void this.notes.push(note),
  };
}

export class Http1Wire extends Base implements Wire {
  readonly version = "1.1";
  readonly client: Http1WebClient;
  #text = "";

  constructor(options: Partial<WebClientOptions> = {}) {
    super();
    this.client = new Http1WebClient(this.sink, { ...OPTIONS, ...options }, 0);
  }

  send(text: string | Uint8Array): void {
    const bytes = typeof text === "string" ? octets(text) : text.slice();
    this.client.receive(bytes, 0);
    bytes.fill(0xee);
  }

  sent(): Sent | undefined {
    const { out } = this.client;
    while (out.length > 0) {
      const { buffer, length } = out.take();
      for (const octet of buffer.subarray(0, length)) this.#text += String.fromCharCode(octet);
      out.accepted = out.taken;
      this.client.outputDrained(0);
    }
    const start = this.#text.search(/(?:GET|POST) [^ ]+ HTTP\/1\.1\r\n(?!.*(?:GET|POST) )/s);
    if (start < 0) return undefined;
    const [head, ...rest] = this.#text.slice(start).split("\r\n\r\n");
    const [line, ...lines] = head.split("\r\n");
    const [method, path] = line.split(" ");
    const fields = Object.fromEntries(lines.map((one) => one.split(": ")));
    const { host, ...others } = fields;
    const raw = rest.join("\r\n\r\n");
    const length = fields["content-length"];
    if (fields["transfer-encoding"] === undefined) {
      const body = octets(raw);
      const ended = body.length === Number(length ?? 0);
      return { method, path, authority: host, fields: others, body, ended };
    }
    let body = "";
    let at = 0;
    let ended = false;
    while (at < raw.length) {
      const line = raw.slice(at, raw.indexOf("\r\n", at));
      const size = parseInt(line, 16);
      at += line.length + 2;
      body += raw.slice(at, at + size);
      at += size + 2;
      ended = size === 0;
    }
    return { method, path, authority: host, fields: others, body: octets(body), ended };
  }

  head(status: number, fields: Fields): void {
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`).join("");
    this.send(`HTTP/1.1 ${status} X\r\n${lines}transfer-encoding: chunked\r\n\r\n`);
  }

  body(bytes: Uint8Array): void {
    this.send(concat(octets(`${bytes.length.toString(16)}\r\n`), bytes, octets("\r\n")));
  }

  end(): void {
    this.send("0\r\n\r\n");
  }

  cancelled(): boolean {
    return this.client.finished && this.client.closesAtOnce;
  }
}

export class Http2Wire extends Base implements Wire {
  readonly version = "2";
  readonly client: Http2WebClient;
  readonly #decoder = new HpackDecoder({});
  #sent: Sent | undefined;
  #id = 1;
  #reset = false;

  constructor(options: Partial<WebClientOptions> = {}, ...pairs: [number, number][]) {
    super();
    this.client = new Http2WebClient(this.sink, { ...OPTIONS, ...options }, 0);
    this.#take();
    this.receive(settings(...pairs), settingsAck());
  }

  receive(...frames: Uint8Array[]): void {
    for (const one of frames) this.client.receive(one, 0);
  }

  #take(): void {
    const { out } = this.client;
    const bytes = out.view().slice();
    out.clear();
    this.client.outputDrained(0);
    const list = new HeaderList();
    for (
      const { type, flags, id, payload } of parse(bytes[0] === 0x50 ? bytes.subarray(24) : bytes)
    ) {
      if (type === 1) {
        this.#id = id;
        this.#reset = false;
        this.#decoder.decode(payload, 0, payload.length, list, {
          maxListBytes: 1 << 20,
          maxFields: 1_000,
        });
        const all: Record<string, string> = {};
        for (let i = 0; i < list.count; i++) all[list.names[i]] = list.values[i];
        const { ":method": method, ":path": path, ":authority": authority, ...fields } = all;
        this.#sent = { method, path, authority, fields, body: EMPTY, ended: false };
      } else if (type === 0) {
        this.#sent!.body = concat(this.#sent!.body, payload);
        this.#sent!.ended = (flags & 1) !== 0;
      } else if (type === 3) {
        this.#reset = true;
      }
    }
  }

  sent(): Sent | undefined {
    this.#take();
    return this.#sent;
  }

  get id(): number {
    this.#take();
    return this.#id;
  }

  head(status: number, fields: Fields): void {
    this.receive(headers(this.id, [[":status", String(status)], ...Object.entries(fields)]));
  }

  body(bytes: Uint8Array): void {
    this.receive(data(this.id, bytes));
  }

  end(): void {
    this.receive(data(this.id, [], 1));
  }

  reset(code: number): void {
    this.receive(rst(this.id, code));
  }

  cancelled(): boolean {
    this.#take();
    return this.#reset;
  }
}

/** A call, its outcome and its wire. */
export interface Called {
  readonly wire: Wire;
  readonly call: ClientCall;
  readonly outcome: Outcome;
}

/** Starts a call. */
export function start(wire: Wire, more: Partial<CallRequest> = {}): Called {
  const outcome = new Outcome();
  const call = wire.client.startCall(request("/a.B/C", more), outcome);
  return { wire, call, outcome };
}

/** Both versions of HTTP. */
export function wires(options: Partial<WebClientOptions> = {}): Wire[] {
  return [new Http1Wire(options), new Http2Wire(options)];
}

/** Answers with a whole response. */
export function respond(wire: Wire, status: number, fields: Fields, ...parts: Uint8Array[]): void {
  wire.sent();
  wire.head(status, fields);
  for (const part of parts) wire.body(part);
  wire.end();
}

/** The messages of an outcome as text. */
export const texts = (outcome: Outcome): string[] => outcome.messages.map(untext);
