/** Engines of both wires, and of WebSockets around lean, as fuzzing targets. */

import { ByteWriter } from "../../../src/bytes/writer.ts";
import type { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import type {
  ClientCall,
  ClientCallSink,
  ClientConnection,
  ClientConnectionSink,
  ServerCall,
  ServerCallSink,
  ServerConnection,
  ServerConnectionSink,
} from "../../../src/call/wire.ts";
import { GrpcClientConnection } from "../../../src/grpc/client.ts";
import { GrpcServerConnection } from "../../../src/grpc/server.ts";
import { LeanClientConnection } from "../../../src/lean/client.ts";
import { inflated } from "../../../src/lean/inflate.ts";
import { LeanServerConnection } from "../../../src/lean/server.ts";
import { SHARED_LIMITS } from "../../../src/limits/connection_limits.ts";
import { WebSocketServerConnection } from "../../../src/websocket/server_connection.ts";
import { clientFrame } from "../../websocket/frames.ts";
import { Random } from "../simulation/random.ts";
import { drive, INVARIANT } from "./drive.ts";
import { bendHttp2, bendLean, splitHttp2, splitLean } from "./frames.ts";
import { check, Limits } from "./limits.ts";
import { join, scratch, type Target } from "./target.ts";
import { transcripts } from "./transcripts.ts";

/** Handler with one of several behaviours; checks the order of events and that it ends once. */
class Handler implements ServerCallSink {
  #messages: Uint8Array[] = [];
  #halfClosed = false;
  #cancelled = false;

  constructor(readonly call: ServerCall, readonly habit: number, readonly limits: Limits) {
    check(call.timeoutMs >= 0, `a deadline of ${call.timeoutMs}`);
    limits.checkMetadata(call.metadata);
    JSON.stringify(call.metadata.toJSON());
    check(call.path.length < 1 << 14, "a path of any length");
  }

  begin(): void {
    if (this.habit === 1) this.#end(Status.NOT_FOUND);
    if (this.habit === 2) this.call.sendHeaders();
    if (this.habit === 3) this.call.setReadPaused(true);
  }

  #alive(what: string): void {
    check(!this.#cancelled, `${what} after onCancel`);
    check(!this.call.closed, `${what} after the call was closed`);
  }

  #end(code: Status): void {
    if (!this.call.closed) this.call.sendStatus(code, code === 0 ? "" : "no");
    this.call.handlerDone();
  }

  onMessage(message: Uint8Array, _compressed: boolean): void {
    this.#alive("onMessage");
    check(!this.#halfClosed, "onMessage after onHalfClose");
    this.limits.checkMessage(message);
    if (this.habit === 2) {
      if (this.call.writable) this.call.sendMessage(message, false);
    } else {
      this.#messages.push(message);
    }
  }

  onHalfClose(): void {
    this.#alive("onHalfClose");
    check(!this.#halfClosed, "onHalfClose twice");
    this.#halfClosed = true;
    if (this.habit === 0 && this.#messages.length > 0) {
      this.call.respond(this.#messages[0]);
      this.call.handlerDone();
    } else {
      this.#end(Status.OK);
    }
  }

  onCancel(): void {
    check(!this.#cancelled, "onCancel twice");
    this.#cancelled = true;
    this.call.handlerDone();
  }

  onWritable(): void {
    this.#alive("onWritable");
  }
}

class Caller implements ClientCallSink {
  ended = false;

  constructor(readonly limits: Limits) {}

  onHeaders(metadata: () => Metadata): void {
    check(!this.ended, "onHeaders after onStatus");
    this.limits.checkMetadata(metadata());
    JSON.stringify(metadata().toJSON());
  }
  onMessage(message: Uint8Array): void {
    check(!this.ended, "onMessage after onStatus");
    this.limits.checkMessage(message);
  }
  onStatus(code: Status, message: string, trailers: () => Metadata): void {
    check(!this.ended, "onStatus twice");
    check(Number.isInteger(code) && code >= 0 && code <= 16, `status ${code}`);
    check(typeof message === "string", "a status without text");
    this.limits.checkMetadata(trailers());
    JSON.stringify(trailers().toJSON());
    this.ended = true;
  }
  onWritable(): void {
    check(!this.ended, "onWritable after onStatus");
  }
}

function runServer(
  make: (sink: ServerConnectionSink, limits: Limits) => ServerConnection,
  input: Uint8Array,
  seed: number,
  outer: (engine: ServerConnection) => ServerConnection = (engine) => engine,
): void {
  const random = new Random(seed);
  const limits = new Limits(seed);
  const habit = random.pick([0, 0, 1, 2, 3]);
  const engine = make({
    onCall(call) {
      const handler = new Handler(call, habit, limits);
      call.sink = handler;
      handler.begin();
    },
  }, limits);
  drive({ engine: outer(engine), holder: engine }, input, random, limits);
}

const MESSAGE = Uint8Array.of(1, 2, 3);

// Null when a lean peer of version 1 does not accept a second session of the route.
function start(engine: ClientConnection, caller: Caller, random: Random): ClientCall | null {
  const streams = random.chance(0.5);
  let call: ClientCall;
  try {
    call = engine.startCall({
      path: "/sim.v1.Sim/A",
      singleResponse: !streams,
      requestStreams: streams,
      maxReceiveMessageBytes: caller.limits.maxReceiveMessageBytes,
    }, caller);
  } catch (error) {
    if (error instanceof RangeError && error.message.includes("second session")) return null;
    throw error;
  }
  if (!streams) call.sendLastMessage(MESSAGE.slice(), false);
  else if (random.chance(0.5)) call.sendMessage(MESSAGE.slice(), false);
  else {
    call.setReadPaused(true);
    call.halfClose();
  }
  return call;
}

function runClient(
  make: (sink: ClientConnectionSink, limits: Limits) => ClientConnection,
  input: Uint8Array,
  seed: number,
): void {
  const random = new Random(seed);
  const limits = new Limits(seed);
  const engine = make({ onStateChange() {}, onCallEnd() {} }, limits);
  const callers: Caller[] = [];
  const startCalls = () => {
    while (callers.length < 8 && engine.usable && engine.activeCalls < engine.maxCalls) {
      const caller = new Caller(limits);
      const call = start(engine, caller, random);
      if (call === null) return;
      callers.push(caller);
    }
  };
  drive({ engine, beforeOutput: startCalls }, input, random, limits);
  for (const caller of callers) check(caller.ended, "every call has a status");
}

const http2 = { split: splitHttp2, bend: bendHttp2, invariant: INVARIANT };
const lean = { split: splitLean, bend: bendLean, invariant: INVARIANT };

/** Frames of a client (RFC 6455 §5.2) around those of lean, some of them in fragments and with pings between. */
function webSocketSeeds(): Uint8Array[] {
  return transcripts("lean", "server").map((transcript, i) =>
    join(
      splitLean(transcript).flatMap((bytes) => [
        clientFrame(2, bytes, { final: i % 2 === 0 }),
        ...i % 2 === 0 ? [] : [clientFrame(9, "ping"), clientFrame(0, bytes.subarray(0, 0))],
      ]).concat(clientFrame(8)),
    )
  );
}

/** Frames of a client; the last may be incomplete. */
function splitWebSocket(input: Uint8Array): Uint8Array[] {
  const frames: Uint8Array[] = [];
  for (let from = 0; from < input.length;) {
    let length = input[from + 1] & 127;
    let header = 6;
    if (length === 126) {
      length = input[from + 2] << 8 | input[from + 3];
      header = 8;
    }
    frames.push(input.subarray(from, from + header + length));
    from += header + length;
  }
  return frames;
}

/** Changes the header of a frame, the mask or the payload. */
function bendWebSocket(frame: Uint8Array, random: Random): Uint8Array {
  const bent = frame.slice();
  if (bent.length === 0) return bent;
  switch (random.int(0, 2)) {
    case 0:
      bent[0] ^= 1 << random.int(0, 7);
      return bent;
    case 1:
      if (bent.length > 1) bent[1] ^= 1 << random.int(0, 7);
      return bent;
    default:
      return scratch(frame, random);
  }
}

/** Targets. */
export const ENGINES: readonly Target[] = [
  {
    ...http2,
    name: "grpc_server",
    seeds: () => transcripts("grpc", "server"),
    run: (input, seed) =>
      runServer(
        (sink, limits) => new GrpcServerConnection(sink, { ...limits }, 1_000),
        input,
        seed,
      ),
  },
  {
    ...http2,
    name: "grpc_client",
    seeds: () => transcripts("grpc", "client"),
    run: (input, seed) =>
      runClient(
        (sink, limits) => new GrpcClientConnection(sink, { authority: "a", ...limits }, 1_000),
        input,
        seed,
      ),
  },
  {
    ...lean,
    name: "lean_server",
    seeds: () => transcripts("lean", "server"),
    run: (input, seed) =>
      runServer(
        (sink, limits) => new LeanServerConnection(sink, { ...limits }, 1_000),
        input,
        seed,
      ),
  },
  {
    name: "websocket_server",
    invariant: INVARIANT,
    seeds: webSocketSeeds,
    split: splitWebSocket,
    bend: bendWebSocket,
    run: (input, seed) =>
      runServer(
        (sink, limits) => new LeanServerConnection(sink, { ...limits }, 1_000),
        // The engine unmasks payloads in place.
        input.slice(),
        seed,
        (inner) =>
          new WebSocketServerConnection(inner, new ByteWriter(), SHARED_LIMITS, () => {}, 1_000),
      ),
  },
  {
    ...lean,
    name: "lean_client",
    seeds: () => transcripts("lean", "client"),
    run: (input, seed) =>
      runClient(
        (sink, limits) =>
          new LeanClientConnection(
            sink,
            { ...limits, inflate: inflated, allowVersion1: "without_metadata" },
            1_000,
          ),
        input,
        seed,
      ),
  },
];
