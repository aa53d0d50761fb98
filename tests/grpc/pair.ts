/** A client and a server engine joined in memory, with the bytes cut as a test wants. */

import type { CallRequest, ServerCall, ServerCallSink } from "../../src/call/wire.ts";
import type { Metadata } from "../../src/call/metadata.ts";
import { GrpcClientConnection, type GrpcClientOptions } from "../../src/grpc/client.ts";
import { GrpcServerConnection, type GrpcServerOptions } from "../../src/grpc/server.ts";

/** Splits what is sent; returns the parts in order. */
export type Cut = (bytes: Uint8Array) => Uint8Array[];

/** Everything in one piece. */
export const whole: Cut = (bytes) => [bytes];

/** Pieces of `size` bytes. */
export function pieces(size: number): Cut {
  return (bytes) => {
    const parts: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
    return parts;
  };
}

/** Options of a {@link Pair}. */
export interface PairOptions {
  client?: Partial<GrpcClientOptions>;
  server?: GrpcServerOptions;
  cut?: Cut;
}

/** Two engines in virtual time. */
export class Pair {
  nowMs = 1000;
  readonly client: GrpcClientConnection;
  readonly server: GrpcServerConnection;
  readonly notes: string[] = [];
  readonly #cut: Cut;

  constructor(onCall: (call: ServerCall) => void, options: PairOptions = {}) {
    this.#cut = options.cut ?? whole;
    this.client = new GrpcClientConnection(
      { onStateChange() {}, onCallEnd() {}, onNote: (_, m) => this.notes.push("client: " + m) },
      { ...options.client, authority: options.client?.authority ?? "test" },
      this.nowMs,
    );
    this.server = new GrpcServerConnection(
      { onCall, onNote: (_, m) => this.notes.push("server: " + m) },
      options.server ?? {},
      this.nowMs,
    );
  }

  /** Carries bytes both ways until both are silent. Input is overwritten once it was taken. */
  run(): void {
    let moved = true;
    while (moved) {
      moved = this.#carry(this.client, this.server);
      moved = this.#carry(this.server, this.client) || moved;
    }
  }

  #carry(
    from: GrpcClientConnection | GrpcServerConnection,
    to: GrpcClientConnection | GrpcServerConnection,
  ): boolean {
    if (from.out.length === 0) return false;
    const bytes = from.out.view().slice();
    from.out.clear();
    for (const part of this.#cut(bytes)) {
      const copy = part.slice();
      to.receive(copy, this.nowMs);
      copy.fill(0xee);
    }
    from.outputDrained(this.nowMs);
    return true;
  }

  /** Lets time pass and fires what is due. */
  pass(ms: number): void {
    this.nowMs += ms;
    for (const engine of [this.client, this.server]) {
      if (engine.nextTimerMs() <= this.nowMs) engine.onTimer(this.nowMs);
    }
    this.run();
  }
}

/** What a client's call came to. */
export class Outcome {
  headers: Metadata | null = null;
  messages: Uint8Array[] = [];
  statuses: { code: number; message: string; progress: string }[] = [];
  trailers: Metadata | null = null;
  writableCalls = 0;
  onHeaders(metadata: () => Metadata): void {
    this.headers = metadata();
  }
  onMessage(message: Uint8Array): void {
    this.messages.push(message);
  }
  onStatus(code: number, message: string, trailers: () => Metadata, progress: string): void {
    this.statuses.push({ code, message, progress });
    this.trailers = trailers();
  }
  onWritable(): void {
    this.writableCalls++;
  }
  get code(): number | undefined {
    return this.statuses[0]?.code;
  }
}

/** A request with defaults. */
export function request(path: string, more: Partial<CallRequest> = {}): CallRequest {
  return {
    path,
    singleResponse: true,
    requestStreams: false,
    maxReceiveMessageBytes: 4_194_304,
    ...more,
  };
}

/** A sink that gathers a request and then calls `reply` with its messages. */
export function gather(call: ServerCall, reply: (messages: Uint8Array[]) => void): ServerCallSink {
  const messages: Uint8Array[] = [];
  return {
    onMessage: (message) => void messages.push(message),
    onHalfClose: () => reply(messages),
    onCancel: () => call.handlerDone(),
    onWritable: () => {},
  };
}

/** A handler that sends the first message back. */
export function echo(call: ServerCall): void {
  call.sink = gather(call, (messages) => {
    call.respond(messages[0]);
    call.handlerDone();
  });
}
