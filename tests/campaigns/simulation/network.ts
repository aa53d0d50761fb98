/** Links of a simulated connection: bytes each way, delayed and cut into pieces. */

import type { Events } from "./events.ts";
import type { ConnectionPlan } from "./program.ts";
import type { Random } from "./random.ts";

/** One direction: bytes arrive in order, delayed, in pieces; at most `capacityBytes` are in flight. */
export class Link {
  onArrival: (bytes: Uint8Array | null) => void = () => {};
  onSpace: () => void = () => {};
  broken = false;
  // Bytes that were accepted and not yet read at the other end.
  inFlightBytes = 0;
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

  /** Accepts and copies bytes from `from` on; returns their number. */
  accept(bytes: Uint8Array, from: number): number {
    if (this.#blocked) return 0;
    const count = Math.min(bytes.length - from, this.plan.capacityBytes - this.inFlightBytes);
    for (let sent = 0; sent < count;) {
      const most = Math.min(this.plan.pieceBytes, count - sent);
      const part = this.random.chance(0.5) ? most : this.random.int(1, most);
      const piece = bytes.slice(from + sent, from + sent + part);
      this.#send(() => this.onArrival(piece));
      sent += part;
    }
    this.inFlightBytes += count;
    if (from + count < bytes.length) this.#blocked = true;
    return count;
  }

  /** Frees the room of `count` bytes that were read at the other end. */
  read(count: number): void {
    this.inFlightBytes -= count;
    // Half of the capacity must be free: otherwise each few bytes of room would cost an event.
    if (!this.#blocked || this.broken || this.inFlightBytes * 2 > this.plan.capacityBytes) return;
    this.#blocked = false;
    this.events.after(0, () => this.onSpace());
  }

  /** Ends the stream. */
  end(): void {
    this.#send(() => this.onArrival(null));
  }

  /** Delays all arrivals by `ms`. */
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
