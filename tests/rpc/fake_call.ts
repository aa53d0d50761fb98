import { Metadata } from "../../src/call/metadata.ts";
import { Status } from "../../src/call/status.ts";
import type { ServerCall, ServerCallSink } from "../../src/call/wire.ts";
import { CallHost } from "../../src/rpc/call_host.ts";
import type { CallConnection } from "../../src/rpc/context.ts";
import { DeadlineQueue } from "../../src/rpc/deadline_queue.ts";
import type { DispatcherWrapper } from "../../src/rpc/dispatcher.ts";
import { Router } from "../../src/rpc/router.ts";
import type { Interceptor } from "../../src/rpc/types.ts";
import { VirtualClock } from "./virtual_clock.ts";

const NO_SINK = {} as ServerCallSink;

/** A call whose other end is the test. */
export class FakeCall implements ServerCall {
  readonly path: string;
  readonly metadata = new Metadata();
  timeoutMs = Infinity;
  encoding = "identity";
  contentSubtype = "";
  acceptsGzip = false;
  readonly authority = "test";
  sink: ServerCallSink = NO_SINK;
  writable = true;
  closed = false;
  /** What was sent, in order. */
  headers: Metadata | undefined;
  headersSent = false;
  announced: string | undefined;
  readonly messages: Uint8Array[] = [];
  readonly flags: boolean[] = [];
  status: Status | undefined;
  statusMessage = "";
  trailers = new Metadata();
  responded = false;
  done = 0;
  faults = 0;
  readonly pauses: boolean[] = [];
  #ended = Promise.withResolvers<void>();
  #onSend: (() => void) | undefined;

  constructor(
    path: string,
    init: Partial<Pick<ServerCall, "timeoutMs" | "encoding" | "contentSubtype" | "acceptsGzip">> =
      {},
  ) {
    this.path = path;
    Object.assign(this, init);
  }

  sendHeaders(metadata?: Metadata, encoding?: string): void {
    if (this.headersSent) throw new Error("headers were sent twice");
    this.headersSent = true;
    this.headers = metadata?.clone();
    this.announced = encoding;
  }

  sendMessage(message: Uint8Array, compressed: boolean): void {
    if (this.closed) throw new Error("a message after the end");
    this.headersSent = true;
    this.messages.push(message);
    this.flags.push(compressed);
    this.#onSend?.();
  }

  sendStatus(code: Status, message: string, trailers?: Metadata): void {
    if (this.closed) throw new Error("a status after the end");
    this.closed = true;
    this.status = code;
    this.statusMessage = message;
    this.trailers = trailers?.clone() ?? new Metadata();
  }

  respond(message: Uint8Array): void {
    this.responded = true;
    this.sendMessage(message, false);
    this.sendStatus(Status.OK, "");
  }

  setReadPaused(paused: boolean): void {
    this.pauses.push(paused);
  }

  chargeFault(): void {
    this.faults++;
  }

  handlerDone(): void {
    this.done++;
    this.#ended.resolve();
  }

  /** Resolves when the handler has ended. */
  get ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** Resolves when so many messages were sent. */
  async sent(count: number): Promise<void> {
    while (this.messages.length < count) {
      await new Promise<void>((resolve) => this.#onSend = resolve);
    }
  }

  /** The caller goes away. */
  cancel(code: Status = Status.CANCELLED, reason = "The caller cancelled"): void {
    this.closed = true;
    this.sink.onCancel(code, reason);
  }

  /** One request and the end of the caller's side. */
  request(message: Uint8Array = new Uint8Array(0)): this {
    this.sink.onMessage(message, false);
    this.sink.onHalfClose();
    return this;
  }
}

/** A host with its router and a virtual clock, for calls without a wire. */
export class FakeHost {
  readonly clock = new VirtualClock();
  readonly deadlines = new DeadlineQueue(this.clock);
  readonly router: Router;
  readonly host: CallHost;
  readonly connection: CallConnection;

  constructor(
    configure: (router: Router) => void,
    options: {
      compress?: boolean;
      interceptors?: Interceptor[];
      dispatcher?: DispatcherWrapper;
      maxReceiveMessageBytes?: number;
    } = {},
  ) {
    this.router = new Router(options.interceptors);
    configure(this.router);
    const { registry } = this.router;
    this.host = new CallHost({
      dispatcher: options.dispatcher?.(registry) ?? registry,
      deadlines: this.deadlines,
      compress: options.compress ?? false,
      maxReceiveMessageBytes: options.maxReceiveMessageBytes ?? 65536,
    });
    this.connection = {
      peer: { address: "test", transport: "memory" },
      wire: "grpc",
      clock: this.clock,
      accept: (call, connection) => this.host.accept(call, connection),
    };
  }

  /** Has a call arrive. */
  accept(call: FakeCall): FakeCall {
    this.host.accept(call, this.connection);
    return call;
  }

  /** A call with one request, run to its end. */
  async unary(path: string, message: Uint8Array, init: Partial<FakeCall> = {}): Promise<FakeCall> {
    const call = this.accept(new FakeCall(path, init)).request(message);
    await call.ended;
    return call;
  }
}
