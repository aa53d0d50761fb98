/**
 * One listener per AbortSignal for any number of calls. With a listener per call, a signal that many calls share would
 * search its list of listeners at the end of each call.
 *
 * @module
 */

import { forEachItem } from "../../call/each.ts";

/** A call that an AbortSignal can cancel. */
export interface Abortable {
  /** Position among the signal's calls, set by this module; -1 initially and while no signal is watched. */
  abortSlot: number;
  /** Called when the signal fires with `reason`. */
  onAbort(reason: unknown): void;
}

/** The calls that one signal can cancel. */
class Fanout {
  // An array: a Set would keep references to ended calls (see IdMap).
  members: Abortable[] = [];

  constructor(readonly signal: AbortSignal) {}

  handleEvent(): void {
    const { members, signal } = this;
    this.members = [];
    fanouts.delete(signal);
    for (const member of members) member.abortSlot = -1;
    forEachItem(members, (member) => member.onAbort(signal.reason));
  }
}

const fanouts = new WeakMap<AbortSignal, Fanout>();

/** Calls `member.onAbort` when `signal` fires. The signal must not have fired yet; a member watches one signal. */
export function watchAbort(signal: AbortSignal, member: Abortable): void {
  let fanout = fanouts.get(signal);
  if (fanout === undefined) {
    fanout = new Fanout(signal);
    fanouts.set(signal, fanout);
  }
  if (fanout.members.length === 0) signal.addEventListener("abort", fanout);
  member.abortSlot = fanout.members.length;
  fanout.members.push(member);
}

/** Removes `member`, so that `signal` no longer references it. No effect if `member` watches no signal. */
export function unwatchAbort(signal: AbortSignal, member: Abortable): void {
  if (member.abortSlot < 0) return;
  const { members } = fanouts.get(signal)!;
  const last = members.pop()!;
  if (last !== member) {
    members[member.abortSlot] = last;
    last.abortSlot = member.abortSlot;
  }
  member.abortSlot = -1;
  if (members.length === 0) signal.removeEventListener("abort", fanouts.get(signal)!);
}
