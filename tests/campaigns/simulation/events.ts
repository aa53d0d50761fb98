/** Virtual time: events in the order of their times, then of their creation. */

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
  // Background events (an engine's timers) don't keep the world busy.
  readonly background: boolean;
  cancelled: boolean;
}

/** A scheduled event, for `cancel`. */
export type Ticket = Event;

/** A queue of events. */
export class Events {
  /** Current time, in ms. */
  nowMs = 1_000;
  /** Number of waiting events that are not in the background. */
  busy = 0;
  #heap: Event[] = [];
  #order = 0;

  /** Schedules `run` at a time, or now if it has passed. */
  at(atMs: number, run: () => void, background = false): Ticket {
    const event = {
      atMs: Math.max(atMs, this.nowMs),
      order: this.#order++,
      run,
      background,
      cancelled: false,
    };
    if (!background) this.busy++;
    const heap = this.#heap;
    let i = heap.push(event) - 1;
    for (let parent = (i - 1) >> 1; i > 0 && before(event, heap[parent]); parent = (i - 1) >> 1) {
      heap[i] = heap[parent];
      i = parent;
    }
    heap[i] = event;
    return event;
  }

  /** Schedules `run` in `ms`. */
  after(ms: number, run: () => void): Ticket {
    return this.at(this.nowMs + ms, run);
  }

  /** Cancels an event; no effect once it has run. */
  cancel(event: Ticket): void {
    if (event.cancelled) return;
    event.cancelled = true;
    if (!event.background) this.busy--;
  }

  /** Time of the next event, in ms; Infinity if there is none. */
  nextMs(): number {
    while (this.#heap.length > 0 && this.#heap[0].cancelled) this.#pop();
    return this.#heap.length === 0 ? Infinity : this.#heap[0].atMs;
  }

  /** Moves the time on by `ms`: events within it run late. */
  jump(ms: number): void {
    this.nowMs += ms;
  }

  /** Runs the next event. */
  step(): void {
    if (this.nextMs() === Infinity) return;
    const event = this.#pop();
    this.nowMs = Math.max(this.nowMs, event.atMs);
    this.cancel(event);
    event.run();
  }

  #pop(): Event {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop()!;
    if (heap.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1], heap[child])) child++;
      if (!before(heap[child], last)) break;
      heap[i] = heap[child];
      i = child;
    }
    heap[i] = last;
    return first;
  }
}

function before(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
