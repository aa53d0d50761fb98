/**
 * Many calls behind one AbortSignal. A signal that lives as long as the process would otherwise gather a
 * listener for each call in flight, each of which is searched for on removal.
 *
 * @module
 */

/** Something that can be given up. */
export interface Abortable {
  /** The signal fired with `reason`. */
  onAbort(reason: unknown): void;
}

class Hub {
  readonly members = new Set<Abortable>();

  constructor(readonly signal: AbortSignal) {}

  handleEvent(): void {
    const members = [...this.members];
    this.members.clear();
    hubs.delete(this.signal);
    for (const member of members) member.onAbort(this.signal.reason);
  }
}

const hubs = new WeakMap<AbortSignal, Hub>();

/** Calls `member.onAbort` when `signal` fires. The signal must not have fired. */
export function watchAbort(signal: AbortSignal, member: Abortable): void {
  let hub = hubs.get(signal);
  if (hub === undefined) {
    hub = new Hub(signal);
    hubs.set(signal, hub);
  }
  if (hub.members.size === 0) signal.addEventListener("abort", hub);
  hub.members.add(member);
}

/** Forgets `member`; fine when it isn't there. Nothing of it stays with the signal. */
export function unwatchAbort(signal: AbortSignal, member: Abortable): void {
  const hub = hubs.get(signal);
  if (hub === undefined) return;
  hub.members.delete(member);
  if (hub.members.size === 0) signal.removeEventListener("abort", hub);
}
