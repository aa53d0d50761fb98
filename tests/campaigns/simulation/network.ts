/** One simulated connection: two links, and at each end what a driver does for an engine. */

import { releaseBuffer } from "../../../src/bytes/pool.ts";
import type { ConnectionEngine } from "../../../src/call/wire.ts";
import type { Events, Ticket } from "./events.ts";
import type { ConnectionPlan } from "./program.ts";
import type { Random } from "./random.ts";

const LINGER_MS = 500;

/** Bytes one way: in order, delayed, cut into pieces, at most `capacityBytes` under way. */
class Link {
  onArrival: (bytes: Uint8Array | null) => void = () => {};
  onSpace: () => void = () => {};
  broken = false;
  // Bytes accepted and not yet read at the other end.
  underWay = 0;
  #lastMs = 0;
  #stalledUntilMs = 0;
  #queue: { readonly atMs: number; readonly arrive: () => void }[] = [];
  #scheduled = false;
  #blocked = false;

  constructor(
    readonly events: Events,
    readonly random: Random,
    readonly plan: ConnectionPlan,
  ) {}

  /** Takes bytes from `from` on; returns how many. They are copied. */
  accept(bytes: Uint8Array, from: number): number {
    if (this.#blocked) return 0;
    const count = Math.min(bytes.length - from, this.plan.capacityBytes - this.underWay);
    for (let sent = 0; sent < count;) {
      const most = Math.min(this.plan.pieceBytes, count - sent);
      const part = this.random.chance(0.5) ? most : this.random.int(1, most);
      const piece = bytes.slice(from + sent, from + sent + part);
      this.#send(() => this.onArrival(piece));
      sent += part;
    }
    this.underWay += count;
    if (from + count < bytes.length) this.#blocked = true;
    return count;
  }

  /** The other end has read so many bytes. */
  read(count: number): void {
    this.underWay -= count;
    // Half of it must be free: room for a few bytes at a time would cost an event each.
    if (!this.#blocked || this.broken || this.underWay * 2 > this.plan.capacityBytes) return;
    this.#blocked = false;
    this.events.after(0, () => this.onSpace());
  }

  /** No more follows. */
  end(): void {
    this.#send(() => this.onArrival(null));
  }

  /** Nothing arrives for a while. */
  stall(ms: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.events.nowMs + ms);
  }

  #send(arrive: () => void): void {
    const { delayMs, jitterMs } = this.plan;
    const atMs = this.events.nowMs + delayMs + this.random.int(0, jitterMs);
    this.#lastMs = Math.max(this.#lastMs, atMs);
    this.#queue.push({ atMs: this.#lastMs, arrive });
    this.#deliverNext();
  }

  #deliverNext(): void {
    if (this.#scheduled || this.#queue.length === 0 || this.broken) return;
    this.#scheduled = true;
    this.events.at(Math.max(this.#queue[0].atMs, this.#stalledUntilMs), () => {
      this.#scheduled = false;
      if (this.broken) return;
      if (this.events.nowMs >= this.#stalledUntilMs) this.#queue.shift()!.arrive();
      this.#deliverNext();
    });
  }
}

/** What src/rpc/core/connection_driver.ts does, in virtual time and without promises. */
export class End {
  /** The byte stream is closed; the engine was told. */
  closed = false;
  #received: Uint8Array[] = [];
  #ended = false;
  #pending: Uint8Array | null = null;
  #pendingBuffer: Uint8Array<ArrayBuffer> | null = null;
  #offset = 0;
  #lingering = false;
  #flushing = false;
  #queued = false;
  #timer: Ticket | null = null;
  #timerAtMs = Infinity;

  constructor(
    readonly events: Events,
    readonly engine: ConnectionEngine,
    readonly output: Link,
    readonly input: Link,
  ) {
    engine.onOutput = () => this.wake();
    output.onSpace = () => this.flush();
    input.onArrival = (bytes) => {
      if (bytes === null) this.#ended = true;
      else this.#received.push(bytes);
      this.#read();
    };
  }

  /** Flushes at the end of this turn. */
  wake(): void {
    if (this.#queued || this.closed) return;
    this.#queued = true;
    this.events.after(0, () => {
      this.#queued = false;
      this.flush();
    });
  }

  #read(): void {
    const { engine } = this;
    while (!this.closed && this.#received.length > 0) {
      if (!this.#lingering && !engine.wantsRead && !engine.finished) return;
      const bytes = this.#received.shift()!;
      this.input.read(bytes.length);
      if (this.#lingering) continue;
      engine.receive(bytes, this.events.nowMs);
      bytes.fill(0xee); // whoever kept a view of it now sees this
      this.wake();
    }
    if (!this.#ended || this.closed || this.#received.length > 0) return;
    if (!this.#lingering) engine.receiveEnd(this.events.nowMs);
    this.close("The peer closed the connection");
  }

  /** Hands output to the network, as far as it takes it. */
  flush(): void {
    if (this.closed || this.#flushing) return;
    this.#flushing = true;
    const { engine, output, events } = this;
    for (;;) {
      if (this.#pending === null) {
        if (engine.out.length === 0) break;
        const { buffer, length } = engine.out.take();
        this.#pendingBuffer = buffer;
        this.#pending = buffer.subarray(0, length);
        this.#offset = 0;
      }
      this.#offset += output.accept(this.#pending, this.#offset);
      if (this.#offset < this.#pending.length) break;
      this.#pending.fill(0xdd);
      releaseBuffer(this.#pendingBuffer!);
      this.#pending = null;
      engine.outputDrained(events.nowMs);
    }
    this.#flushing = false;
    if (this.#pending === null && engine.finished) this.#linger();
    this.#read();
    this.#arm();
  }

  #arm(): void {
    const atMs = this.closed || this.#lingering ? Infinity : this.engine.nextTimerMs();
    if (atMs === this.#timerAtMs) return;
    if (this.#timer !== null) this.events.cancel(this.#timer);
    this.#timer = null;
    this.#timerAtMs = atMs;
    if (atMs === Infinity) return;
    const due = () => {
      this.#timer = null;
      this.#timerAtMs = Infinity;
      if (this.closed) return;
      if (this.engine.nextTimerMs() <= this.events.nowMs) this.engine.onTimer(this.events.nowMs);
      this.flush();
    };
    this.#timer = this.events.at(atMs, due, true);
  }

  #linger(): void {
    if (this.#lingering || this.closed) return;
    this.#lingering = true;
    this.output.end();
    this.events.after(LINGER_MS, () => this.close("The connection was closed"));
  }

  /** Closes the byte stream now. */
  close(reason: string): void {
    if (this.closed) return;
    this.closed = true;
    this.engine.transportLost(reason, this.events.nowMs);
    this.engine.out.clear();
    this.#received.length = 0;
    if (!this.#lingering) this.output.end();
    this.input.broken = true;
    this.#arm();
  }
}

/** Two engines and what is between them. */
export class Wire {
  readonly client: End;
  readonly server: End;
  readonly #toServer: Link;
  readonly #toClient: Link;

  constructor(
    readonly events: Events,
    random: Random,
    plan: ConnectionPlan,
    client: ConnectionEngine,
    server: ConnectionEngine,
  ) {
    this.#toServer = new Link(events, random, plan);
    this.#toClient = new Link(events, random, plan);
    this.client = new End(events, client, this.#toServer, this.#toClient);
    this.server = new End(events, server, this.#toClient, this.#toServer);
    this.client.wake();
    this.server.wake();
  }

  /** Both ends lose the connection at once; what was under way is gone. */
  cut(): void {
    this.#toServer.broken = this.#toClient.broken = true;
    this.client.close("Connection reset by peer");
    this.server.close("Connection reset by peer");
  }

  /** Nothing arrives in one direction for a while. */
  stall(ms: number, toServer: boolean): void {
    (toServer ? this.#toServer : this.#toClient).stall(ms);
  }

  /** Bytes that are under way in either direction. */
  get underWay(): number {
    return this.#toServer.underWay + this.#toClient.underWay;
  }
}
