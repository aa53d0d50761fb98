/** The two ends of a simulated call: they follow its plan and check what the engines report. */

import { Metadata } from "../../../src/call/metadata.ts";
import { Status } from "../../../src/call/status.ts";
import type {
  CallProgress,
  ClientCall,
  ClientCallSink,
  ServerCall,
  ServerCallSink,
} from "../../../src/call/wire.ts";
import type { Events } from "./events.ts";
import type { CallPlan } from "./program.ts";

/** A broken guarantee of the engines. `kind` is short and stable; the message has the details. */
export class Broken extends Error {
  constructor(readonly kind: string, detail: string) {
    super(`${kind}: ${detail}`);
  }
}

const TO_SERVER = 1;
const TO_CLIENT = 2;

function message(call: number, direction: number, index: number, size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  const start = call * 41 + direction * 17 + index * 7;
  for (let i = 0; i < size; i++) bytes[i] = start + i + (i >>> 8);
  return bytes;
}

function checkMessage(
  call: number,
  direction: number,
  index: number,
  sizes: readonly number[],
  bytes: Uint8Array,
): void {
  const where = `call ${call}, ${direction === TO_SERVER ? "request" : "response"} ${index}`;
  if (index >= sizes.length) throw new Broken("too many messages", where);
  const expected = message(call, direction, index, sizes[index]);
  if (bytes.length !== expected.length) {
    throw new Broken("wrong size", `${where}: ${bytes.length}, expected ${expected.length}`);
  }
  for (let i = 0; i < expected.length; i++) {
    if (bytes[i] !== expected[i]) throw new Broken("wrong bytes", `${where} at ${i}`);
  }
}

function metadata(call: number, count: number): Metadata | undefined {
  if (count === 0) return undefined;
  const pairs = new Metadata();
  for (let i = 0; i < count; i++) {
    if (i % 2 === 0) pairs.append(`x-key-${i}`, `value ${call}.${i}`);
    else pairs.append(`x-key-${i}-bin`, Uint8Array.of(call, i, 0, 255));
  }
  return pairs;
}

function checkMetadata(what: string, call: number, count: number, got: Metadata): void {
  const wanted = JSON.stringify(metadata(call, count) ?? {});
  const have = JSON.stringify(
    Object.fromEntries(Object.entries(got.toJSON()).filter(([key]) => key.startsWith("x-key"))),
  );
  if (wanted !== have) throw new Broken("wrong metadata", `call ${call}, ${what}: ${have}`);
}

/** Sends messages one after the other, while the engine is writable. */
class Sender {
  #next = 0;
  #waiting = false;
  #done = false;

  constructor(
    readonly events: Events,
    readonly sizes: readonly number[],
    readonly gapMs: number,
    readonly writable: () => boolean,
    readonly send: (index: number, last: boolean) => void,
    readonly finish: () => void,
  ) {}

  get sent(): number {
    return this.#next;
  }

  /** Sends as far as the engine is writable. */
  run(): void {
    if (this.#waiting) return;
    while (!this.#done) {
      if (this.#next === this.sizes.length) {
        this.#done = true;
        return this.finish();
      }
      if (!this.writable()) return;
      const index = this.#next++;
      this.send(index, this.#next === this.sizes.length);
      if (this.gapMs === 0 || this.#done) continue;
      this.#waiting = true;
      this.events.after(this.gapMs, () => {
        this.#waiting = false;
        this.run();
      });
      return;
    }
  }

  stop(): void {
    this.#done = true;
  }
}

/** Client's end of a call. */
export class Caller implements ClientCallSink {
  /** Status that the engine reported; null while the call is open. */
  status: number | null = null;
  statusText = "";
  progress: CallProgress = "processed";
  cancelled = false;
  received = 0;
  call: ClientCall | null = null;
  #headers = false;
  #sender: Sender;

  constructor(readonly events: Events, readonly id: number, readonly plan: CallPlan) {
    this.#sender = new Sender(
      events,
      plan.requests,
      plan.requestGapMs,
      () => this.call!.writable,
      (index, last) => {
        const bytes = message(id, TO_SERVER, index, plan.requests[index]);
        if (last && !plan.requestStreams) {
          this.#sender.stop();
          this.call!.sendLastMessage(bytes, plan.compressed);
        } else {
          this.call!.sendMessage(bytes, plan.compressed);
        }
      },
      () => this.call!.halfClose(),
    );
  }

  get ended(): boolean {
    return this.status !== null || this.cancelled;
  }

  get sent(): number {
    return this.#sender.sent;
  }

  /** Id of the call on the wire; lean calls get theirs when their first frame is written. */
  get wireId(): number | undefined {
    return (this.call as { id?: number } | null)?.id;
  }

  /** Metadata of the request. */
  requestMetadata(): Metadata | undefined {
    return metadata(this.id, this.plan.metadata[0]);
  }

  /** Starts to send on the engine's call. */
  begin(call: ClientCall): void {
    this.call = call;
    if (this.plan.cancelAfterMs >= 0) this.#cancelAfter(this.plan.cancelAfterMs);
    if (this.plan.timeoutMs >= 0) this.#cancelAfter(this.plan.timeoutMs);
    this.#sender.run();
  }

  #cancelAfter(ms: number): void {
    this.events.after(ms, () => {
      if (this.ended) return;
      this.cancelled = true;
      this.#sender.stop();
      this.call!.cancel();
    });
  }

  #alive(what: string): void {
    if (this.status !== null) throw new Broken("after status", `call ${this.id}: ${what}`);
    if (this.cancelled) throw new Broken("after cancel", `call ${this.id}: ${what}`);
  }

  onHeaders(headers: () => Metadata): void {
    this.#alive("onHeaders");
    if (this.#headers) throw new Broken("headers twice", `call ${this.id}`);
    if (this.received > 0) throw new Broken("late headers", `call ${this.id}`);
    this.#headers = true;
    checkMetadata("headers", this.id, this.plan.metadata[1], headers());
  }

  onMessage(bytes: Uint8Array, compressed: boolean): void {
    this.#alive("onMessage");
    if (!this.#headers) throw new Broken("no headers", `call ${this.id}`);
    if (compressed !== this.plan.compressed) throw new Broken("wrong flag", `call ${this.id}`);
    checkMessage(this.id, TO_CLIENT, this.received++, this.plan.responses, bytes);
    if (this.plan.clientPauseMs === 0 || this.received > 1) return;
    this.call!.setReadPaused(true);
    this.events.after(this.plan.clientPauseMs, () => this.call!.setReadPaused(false));
  }

  onStatus(
    code: Status,
    text: string,
    trailers: () => Metadata,
    progress: CallProgress,
  ): void {
    this.#alive(`onStatus ${code} ${text}`);
    this.status = code;
    this.statusText = text;
    this.progress = progress;
    this.#sender.stop();
    const metadata = trailers();
    if (progress === "processed" && code === this.plan.status && text === this.plan.statusText) {
      if (this.received === this.plan.responses.length) {
        checkMetadata("trailers", this.id, this.plan.metadata[2], metadata);
      }
    }
  }

  onWritable(): void {
    this.#alive("onWritable");
    this.#sender.run();
  }
}

/** Server's end of a call. */
export class Handler implements ServerCallSink {
  received = 0;
  halfClosed = false;
  /** Code with which the engine cancelled the call. */
  cancelCode: Status | null = null;
  /** Whether the planned status was sent. */
  answered = false;
  timedOut = false;
  done = false;
  #answering = false;
  #headersSent = false;
  #sender: Sender;

  constructor(
    readonly events: Events,
    readonly id: number,
    readonly plan: CallPlan,
    readonly call: ServerCall,
  ) {
    this.#sender = new Sender(
      events,
      plan.responses,
      plan.responseGapMs,
      () => call.writable,
      (index) => this.#send(index),
      () => this.#finish(),
    );
    if (call.path !== plan.path) throw new Broken("wrong path", `call ${id}: ${call.path}`);
    checkMetadata("request", id, plan.metadata[0], call.metadata);
    this.#checkTimeout();
  }

  /** Starts the reply, after `onCall`, inside which the engine must not be called. */
  begin(): void {
    if (this.plan.headersFirst) this.#sendHeaders();
    if (this.plan.respondAfter === "call") this.#answer();
  }

  get ended(): boolean {
    return this.answered || this.timedOut || this.cancelCode !== null;
  }

  get sent(): number {
    return this.#sender.sent;
  }

  #checkTimeout(): void {
    const { timeoutMs } = this.plan;
    const told = this.call.timeoutMs;
    if (timeoutMs < 0 ? told !== Infinity : Math.abs(told - timeoutMs) > timeoutMs / 10) {
      throw new Broken("wrong deadline", `call ${this.id}: ${told}, planned ${timeoutMs}`);
    }
    if (timeoutMs < 0) return;
    this.events.after(timeoutMs, () => {
      if (this.ended) return;
      this.timedOut = true;
      this.#sender.stop();
      this.call.sendStatus(Status.DEADLINE_EXCEEDED, "The deadline was exceeded");
      this.#linger();
    });
  }

  #sendHeaders(): void {
    if (this.#headersSent || this.ended) return;
    this.#headersSent = true;
    const encoding = this.plan.compressed ? "gzip" : undefined;
    this.call.sendHeaders(metadata(this.id, this.plan.metadata[1]), encoding);
  }

  #send(index: number): void {
    const { plan, call } = this;
    const bytes = message(this.id, TO_CLIENT, index, plan.responses[index]);
    const plain = plan.responses.length === 1 && plan.status === 0 && !plan.compressed &&
      plan.metadata[1] === 0 && plan.metadata[2] === 0 && !plan.responseStreams;
    if (plain) {
      this.answered = true;
      this.#sender.stop();
      call.respond(bytes);
      return this.#linger();
    }
    if (plan.compressed || plan.metadata[1] > 0) this.#sendHeaders();
    call.sendMessage(bytes, plan.compressed);
  }

  #finish(): void {
    if (this.ended) return;
    // A reply without messages and headers would be Trailers-Only, without the headers' metadata.
    if (this.plan.metadata[1] > 0) this.#sendHeaders();
    this.answered = true;
    const { status, statusText, metadata: counts } = this.plan;
    this.call.sendStatus(status as Status, statusText, metadata(this.id, counts[2]));
    this.#linger();
  }

  #linger(): void {
    if (this.plan.lingerMs > 0) this.events.after(this.plan.lingerMs, () => this.#handlerDone());
    else this.#handlerDone();
  }

  #handlerDone(): void {
    if (this.done) return;
    this.done = true;
    this.call.handlerDone();
  }

  #answer(): void {
    if (this.#answering || this.ended) return;
    this.#answering = true;
    this.#sender.run();
  }

  #alive(what: string): void {
    if (this.cancelCode !== null) throw new Broken("after onCancel", `call ${this.id}: ${what}`);
    if (this.ended) throw new Broken("after the reply", `call ${this.id}: ${what}`);
  }

  onMessage(bytes: Uint8Array, compressed: boolean): void {
    this.#alive("onMessage");
    if (this.halfClosed) throw new Broken("after half-close", `call ${this.id}`);
    if (compressed !== this.plan.compressed) throw new Broken("wrong flag", `call ${this.id}`);
    checkMessage(this.id, TO_SERVER, this.received++, this.plan.requests, bytes);
    if (this.plan.serverPauseMs > 0 && this.received === 1) {
      this.call.setReadPaused(true);
      this.events.after(this.plan.serverPauseMs, () => this.call.setReadPaused(false));
    }
    if (this.plan.respondAfter === "first") this.#answer();
  }

  onHalfClose(): void {
    this.#alive("onHalfClose");
    if (this.halfClosed) throw new Broken("half-close twice", `call ${this.id}`);
    this.halfClosed = true;
    if (this.received !== this.plan.requests.length) {
      throw new Broken(
        "half-close with messages missing",
        `call ${this.id}: ${this.received} of ${this.plan.requests.length} arrived`,
      );
    }
    this.#answer();
  }

  onCancel(code: Status, reason: string): void {
    if (this.cancelCode !== null) throw new Broken("cancelled twice", `call ${this.id}: ${reason}`);
    if (this.answered || this.timedOut) {
      throw new Broken("cancelled after the reply", `call ${this.id}: ${code} ${reason}`);
    }
    this.cancelCode = code;
    this.#sender.stop();
    this.#linger();
  }

  onWritable(): void {
    this.#alive("onWritable");
    this.#sender.run();
  }
}
