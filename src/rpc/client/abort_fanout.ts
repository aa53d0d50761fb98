/**
 * Many calls behind one AbortSignal. A signal that lives as long as the process would otherwise gather a
 * listener for each call in flight, each of which is searched for on removal.
 *
 * @module
 */

/** Something that can be given up. */
export interface Abortable {
  /** Kept by the hub: its place there; -1 at first, and whenever no signal is watched for it. */
  abortSlot: number;
  /** The signal fired with `reason`. */
  onAbort(reason: unknown): void;
}

class Hub {
  // A list rather than a Set, which would keep dead calls alive (see IdMap).
  members: Abortable[] = [];

  constructor(readonly signal: AbortSignal) {}

  handleEvent(): void {
    const { members, signal } = this;
    this.members = [];
    hubs.delete(signal);
    for (const member of members) member.abortSlot = -1;
    for (const member of members) member.onAbort(signal.reason);
  }
}

const hubs = new WeakMap<AbortSignal, Hub>();

/** Calls `member.onAbort` when `signal` fires. The signal must not have fired; one signal per member. */
export function watchAbort(signal: AbortSignal, member: Abortable): void {
  let hub = hubs.get(signal);
  if (hub === undefined) {
    hub = new Hub(signal);
    hubs.set(signal, hub);
  }
  if (hub.members.length === 0) signal.addEventListener("abort", hub);
  member.abortSlot = hub.members.length;
  hub.members.push(member);
}

/** Forgets `member`; fine when it isn't there. Nothing of it stays with the signal. */
export function unwatchAbort(signal: AbortSignal, member: Abortable): void {
  if (member.abortSlot < 0) return;
  const { members } = hubs.get(signal)!;
  const last = members.pop()!;
  if (last !== member) {
    members[member.abortSlot] = last;
    last.abortSlot = member.abortSlot;
  }
  member.abortSlot = -1;
  if (members.length === 0) signal.removeEventListener("abort", hubs.get(signal)!);
}
