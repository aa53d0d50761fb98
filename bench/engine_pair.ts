/**
 * Client and server engines joined in memory, for benchmarks: no socket, timer or promise, and time that
 * advances by a millisecond with each transfer of bytes.
 *
 * @module
 */

import type {
  CallRequest,
  ClientCallSink,
  ClientConnection,
  ConnectionEngine,
  ServerCall,
  ServerCallSink,
  ServerConnection,
} from "../src/call/wire.ts";
import { Status } from "../src/call/status.ts";
import { GrpcClientConnection } from "../src/grpc/client.ts";
import { GrpcServerConnection } from "../src/grpc/server.ts";
import { LeanClientConnection } from "../src/lean/client.ts";
import { inflated } from "../src/lean/inflate.ts";
import { LeanServerConnection } from "../src/lean/server.ts";

/** Both wires. */
export const WIRES = ["grpc", "lean"] as const;

/** Name of a wire. */
export type Wire = (typeof WIRES)[number];

/** Default call of benchmarks. */
export const UNARY: CallRequest = {
  path: "/bench.Echo/Unary",
  singleResponse: true,
  requestStreams: false,
  maxReceiveMessageBytes: 4_194_304,
};

const EMPTY = new Uint8Array(0);

/** Client and server on one connection, after the handshake. */
export class EnginePair {
  readonly client: ClientConnection;
  readonly server: ServerConnection;
  #nowMs = 0;

  /** `onCall` handles the calls and must set `call.sink`. */
  constructor(wire: Wire, onCall: (call: ServerCall) => void) {
    const sink = { onStateChange() {}, onCallEnd() {} };
    if (wire === "grpc") {
      this.server = new GrpcServerConnection({ onCall }, {}, 0);
      this.client = new GrpcClientConnection(sink, { authority: "localhost" }, 0);
    } else {
      this.server = new LeanServerConnection({ onCall }, {}, 0);
      this.client = new LeanClientConnection(sink, { inflate: inflated }, 0);
    }
    this.carry();
  }

  /** Transfers bytes in both directions until there are none left. */
  carry(): void {
    const { client, server } = this;
    this.#nowMs++;
    while (client.out.length > 0 || server.out.length > 0) {
      this.#pass(client, server);
      this.#pass(server, client);
    }
  }

  #pass(from: ConnectionEngine, to: ConnectionEngine): void {
    if (from.out.length === 0) return;
    to.receive(from.out.view(), this.#nowMs);
    from.out.clear();
    from.outputDrained(this.#nowMs);
  }
}

/** Counts replies, to verify that the calls of a benchmark succeed. */
export class ReplyCounter implements ClientCallSink {
  /** Messages. */
  messages = 0;
  /** Calls that ended with OK. */
  succeeded = 0;

  onHeaders(): void {}
  onMessage(_message: Uint8Array): void {
    this.messages++;
  }
  onStatus(code: Status, message: string): void {
    if (code !== Status.OK) throw new Error(`A call ended with status ${code}: ${message}`);
    this.succeeded++;
  }
  onWritable(): void {}
}

/** Handles unary calls: replies with the request. */
export function echoUnary(call: ServerCall): void {
  let request: Uint8Array = EMPTY;
  call.sink = {
    onMessage: (message) => request = message,
    onHalfClose() {
      call.respond(request);
      call.handlerDone();
    },
    onCancel: () => call.handlerDone(),
    onWritable() {},
  };
}

/** Handles bidirectional calls: returns each message. */
export function echoMessages(call: ServerCall): void {
  call.sink = {
    onMessage: (message) => call.sendMessage(message, false),
    onHalfClose() {
      call.sendStatus(Status.OK, "");
      call.handlerDone();
    },
    onCancel: () => call.handlerDone(),
    onWritable() {},
  };
}

/** Creates a handler that sends `message` `count` times, as fast as flow control allows. */
export function sendChunks(count: number, message: Uint8Array): (call: ServerCall) => void {
  return (call) => {
    let sent = 0;
    const pump = () => {
      while (sent < count && call.writable) {
        sent++;
        call.sendMessage(message, false);
      }
      if (sent !== count) return;
      sent++;
      call.sendStatus(Status.OK, "");
      call.handlerDone();
    };
    const sink: ServerCallSink = {
      onMessage() {},
      onHalfClose: pump,
      onCancel: () => call.handlerDone(),
      onWritable: pump,
    };
    call.sink = sink;
  };
}

/** Throws unless `found` equals `expected`, which shows that calls failed. */
export function expectCount(what: string, found: number, expected: number): void {
  if (found !== expected) throw new Error(`${found} ${what} were counted, ${expected} were due`);
}
