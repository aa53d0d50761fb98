/** Fixtures of the lean tests: frames written by hand, recording sinks, and a pair of engines in virtual time. */

import assert from "node:assert/strict";
import type { Metadata } from "../../src/call/metadata.ts";
import { Status, statusName } from "../../src/call/status.ts";
import type {
  CallRequest,
  ClientCall,
  ClientCallSink,
  ConnectionEngine,
  ServerCall,
  ServerCallSink,
} from "../../src/call/wire.ts";
import { LeanClientConnection } from "../../src/lean/client.ts";
import { inflated } from "../../src/lean/inflate.ts";
import type { LeanClientOptions, LeanServerOptions } from "../../src/lean/options.ts";
import { LeanServerConnection } from "../../src/lean/server.ts";
import { concat } from "../fixtures/bytes.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Encodes UTF-8. */
export const utf8 = (text: string) => encoder.encode(text);
/** Decodes UTF-8. */
export const text = (bytes: Uint8Array) => decoder.decode(bytes);
/** Decodes hex; whitespace and `|` are ignored. */
export const hex = (source: string) => Uint8Array.fromHex(source.replace(/[\s|]/g, ""));

/** Encodes a frame, from the layout alone. */
export function frame(
  flags: number,
  id: number | bigint,
  type: string | Uint8Array,
  value: Uint8Array | string = "",
) {
  const typeBytes = typeof type === "string" ? utf8(type) : type;
  const valueBytes = typeof value === "string" ? utf8(value) : value;
  const bytes = new Uint8Array(16 + typeBytes.length + valueBytes.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(0, 1);
  view.setUint8(1, flags);
  view.setBigUint64(2, BigInt(id));
  view.setUint16(10, typeBytes.length);
  view.setUint32(12, valueBytes.length);
  bytes.set(typeBytes, 16);
  bytes.set(valueBytes, 16 + typeBytes.length);
  return bytes;
}

/** Encodes a control frame. */
export const control = (kind: number, id: number, value: Uint8Array | string = "") =>
  frame(0, id, Uint8Array.of(kind), value);

/** Encodes a 32-bit number. */
export const u32 = (value: number) => {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
};

export { concat };

/** A decoded frame. */
export interface Parsed {
  flags: number;
  id: bigint;
  type: string;
  value: Uint8Array;
}

/** Decodes all frames of `bytes`; throws when one is incomplete. */
export function parse(bytes: Uint8Array): Parsed[] {
  const frames: Parsed[] = [];
  for (let at = 0; at < bytes.length;) {
    const view = new DataView(bytes.buffer, bytes.byteOffset + at);
    if (view.getUint8(0) !== 1) throw new Error(`version ${view.getUint8(0)} at ${at}`);
    const type = view.getUint16(10);
    const value = view.getUint32(12);
    frames.push({
      flags: view.getUint8(1),
      id: view.getBigUint64(2),
      type: text(bytes.subarray(at + 16, at + 16 + type)),
      value: bytes.slice(at + 16 + type, at + 16 + type + value),
    });
    at += 16 + type + value;
    if (at > bytes.length) throw new Error("a frame is cut off");
  }
  return frames;
}

/** Takes an engine's output. */
export function drain(engine: ConnectionEngine, nowMs = 0): Uint8Array {
  const bytes = engine.out.view().slice();
  engine.out.clear();
  if (bytes.length > 0) engine.outputDrained(nowMs);
  return bytes;
}

/** Hello of a client with default options. */
export const CLIENT_HELLO = hex(
  "01 01 0000000000000000 000a 0000001f" + "767270632f68656c6c6f" + "7672706343 01" +
    "01 00020000" + "02 00000064" + "03 00000001" + "04 00000000" + "05 00010000",
);
/** Hello of a server with default options. */
export const SERVER_HELLO = hex(
  "01 02 0000000000000000 000a 0000001f" + "767270632f68656c6c6f" + "7672706353 01" +
    "01 00020000" + "02 00000080" + "03 00000001" + "04 00000040" + "05 00010000",
);

/** Records the events of a server's call. */
export class RecordedServerCall implements ServerCallSink {
  readonly messages: string[] = [];
  readonly raw: Uint8Array[] = [];
  readonly events: string[] = [];
  constructor(readonly call: ServerCall) {}
  onMessage(message: Uint8Array, compressed: boolean) {
    this.raw.push(message);
    this.messages.push(text(message));
    this.events.push(`message${compressed ? "(gzip)" : ""} ${message.length}`);
  }
  onHalfClose() {
    this.events.push("half-close");
  }
  onCancel(code: Status, reason: string) {
    this.events.push(`cancel ${statusName(code)}: ${reason}`);
    this.call.handlerDone();
  }
  onWritable() {
    this.events.push("writable");
  }
}

/** A server engine whose calls are recorded; `handle` gets each call inside of `onCall` and may return its sink. */
export function recordedServer(
  options: LeanServerOptions = {},
  handle: (call: RecordedServerCall) => ServerCallSink | void = () => {},
) {
  const calls: RecordedServerCall[] = [];
  const notes: string[] = [];
  const engine = new LeanServerConnection(
    {
      onCall(call) {
        const recorded = new RecordedServerCall(call);
        calls.push(recorded);
        call.sink = recorded;
        call.sink = handle(recorded) ?? recorded;
      },
      onNote: (level, message) => notes.push(`${level}: ${message}`),
    },
    options,
    0,
  );
  return { engine, calls, notes };
}

/** Records the events of a client's call. */
export class RecordedClientCall implements ClientCallSink {
  readonly messages: string[] = [];
  readonly events: string[] = [];
  call!: ClientCall;
  status: Status | undefined;
  message = "";
  progress = "";
  trailers: Metadata | undefined;
  headers: Metadata | undefined;
  onHeaders(metadata: () => Metadata) {
    this.headers = metadata();
    this.events.push("headers");
  }
  onMessage(message: Uint8Array, compressed: boolean) {
    this.messages.push(text(message));
    this.events.push(`message${compressed ? "(gzip)" : ""} ${message.length}`);
  }
  onStatus(code: Status, message: string, trailers: () => Metadata, progress: string) {
    if (this.status !== undefined) throw new Error("status twice");
    this.status = code;
    this.message = message;
    this.progress = progress;
    this.trailers = trailers();
    this.events.push(`status ${statusName(code)}`);
  }
  onWritable() {
    this.events.push("writable");
  }
}

/** A client engine whose notes and state changes are recorded. */
export function recordedClient(options: LeanClientOptions = {}) {
  const notes: string[] = [];
  const changes: string[] = [];
  const engine = new LeanClientConnection(
    {
      onStateChange: () => changes.push(`${engine.ready}/${engine.usable}`),
      onCallEnd: () => changes.push("end"),
      onNote: (level, message) => notes.push(`${level}: ${message}`),
    },
    { inflate: inflated, ...options },
    0,
  );
  return { engine, notes, changes };
}

/** A request with defaults. */
export const request = (path: string, more: Partial<CallRequest> = {}): CallRequest => ({
  path,
  singleResponse: true,
  maxReceiveMessageBytes: 4_194_304,
  requestStreams: false,
  ...more,
});

/** Starts a call whose events are recorded. */
export function start(client: LeanClientConnection, path: string, more: Partial<CallRequest> = {}) {
  const recorded = new RecordedClientCall();
  recorded.call = client.startCall(request(path, more), recorded);
  return recorded;
}

/** A client and a server engine connected to each other; `cut` sets the size of each chunk. */
export class Pair {
  nowMs = 0;
  readonly server;
  readonly client;
  constructor(
    readonly options: {
      server?: LeanServerOptions;
      client?: LeanClientOptions;
      handle?: (call: RecordedServerCall) => ServerCallSink | void;
      cut?: (bytes: number) => number;
    } = {},
  ) {
    this.server = recordedServer(options.server, options.handle);
    this.client = recordedClient(options.client);
  }
  /** Delivers output both ways until there is none. Input is overwritten after each delivery. */
  run(): void {
    for (let turn = 0; turn < 100_000; turn++) {
      const to = this.#carry(this.client.engine, this.server.engine);
      const back = this.#carry(this.server.engine, this.client.engine);
      if (!to && !back) return;
    }
    throw new Error("the engines never stop sending");
  }
  #carry(from: ConnectionEngine, to: ConnectionEngine): boolean {
    if (from.out.length === 0 || !to.wantsRead) return false;
    const bytes = drain(from, this.nowMs);
    const cut = this.options.cut ?? ((n: number) => n);
    for (let at = 0; at < bytes.length;) {
      const count = Math.max(1, Math.min(bytes.length - at, cut(bytes.length - at)));
      const chunk = bytes.slice(at, at + count);
      to.receive(chunk, this.nowMs);
      chunk.fill(0xee);
      at += count;
    }
    return true;
  }
  /** Advances the time of both sides. */
  wait(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let turn = 0; turn < 10_000; turn++) {
      this.run();
      const next = Math.min(this.server.engine.nextTimerMs(), this.client.engine.nextTimerMs());
      if (next > untilMs) break;
      this.nowMs = Math.max(this.nowMs, next);
      for (const engine of [this.server.engine, this.client.engine]) {
        if (engine.nextTimerMs() <= this.nowMs) engine.onTimer(this.nowMs);
      }
    }
    this.nowMs = untilMs;
    this.run();
  }
}

/** A handler for {@link Pair} that answers with the last request message. */
export function echo(recorded: RecordedServerCall): ServerCallSink {
  const { call } = recorded;
  let last: Uint8Array = new Uint8Array(0);
  return {
    onMessage(message) {
      recorded.onMessage(message, false);
      last = message;
    },
    onHalfClose() {
      call.respond(last);
      call.handlerDone();
    },
    onCancel(code, reason) {
      recorded.onCancel(code, reason);
    },
    onWritable() {},
  };
}

/** Runs of each property; VRPC_FUZZ_RUNS overrides 300. */
export const RUNS = { numRuns: Number(Deno.env.get("VRPC_FUZZ_RUNS") ?? 300) };

/** OK, for brevity. */
export const OK = Status.OK;

/** Kinds of control frames. */
export const CANCEL = 1, CREDIT = 2, PING = 3, PONG = 4, GOODBYE = 5, HEADERS = 6;

/** A hello that gives each call a credit of 1,024 bytes. */
export const SMALL_WINDOW_HELLO = concat(
  frame(1, 0, "vrpc/hello", concat(utf8("vrpcC\u0001"), Uint8Array.of(1), u32(1_024))),
);

/** A recorded server that has received and answered a client's hello. */
export function greetedServer(
  options?: LeanServerOptions,
  handle?: Parameters<typeof recordedServer>[1],
  hello = CLIENT_HELLO,
) {
  const made = recordedServer(options, handle);
  made.engine.receive(hello.slice(), 0);
  drain(made.engine);
  return made;
}

/** A recorded client that has received a server's hello. */
export function greetedClient(options?: LeanClientOptions, hello = SERVER_HELLO) {
  const made = recordedClient(options);
  drain(made.engine);
  made.engine.receive(hello.slice(), 0);
  assert.equal(made.engine.ready, true);
  return made;
}

/** Asserts that the engine ended with GOODBYE for `reason`, noted it, and reads no further input. */
export function assertGoodbye(
  made: {
    engine:
      | ReturnType<typeof recordedServer>["engine"]
      | ReturnType<typeof recordedClient>["engine"];
    notes: string[];
  },
  reason: number,
  note: RegExp,
) {
  assert.equal(made.engine.finished, true);
  const last = parse(made.engine.out.view().slice()).at(-1)!;
  assert.equal(last.flags, 0);
  assert.equal(last.type, "\u0005");
  assert.equal(last.value[0], reason);
  assert.match(made.notes.join("\n"), note);
  assert.match(made.notes.join("\n"), /ProtocolError/);
  const before = made.engine.out.length;
  made.engine.receive(frame(1, 1_000, "/x"), 0);
  assert.equal(made.engine.out.length, before);
  assert.equal(made.engine.bufferedBytes, 0);
}
