/** Runs an engine with an input, and checks what holds for all engines. */

import type { ConnectionEngine } from "../../../src/call/wire.ts";
import type { Random } from "../simulation/random.ts";
import { check, type Limits } from "./limits.ts";
import { pieces } from "./target.ts";

/** What holds for every input of an engine. */
export const INVARIANT =
  "nothing is thrown, every call ends once, limits hold, output is bounded, nothing is left";

// Output allowed per octet received, and per connection. A request of one octet that refers to a whole header block
// has a reply of about 30 octets; separate frames double that.
const OUTPUT_PER_OCTET = 40;
const ANY_BYTES = 1 << 18;

/** An engine and how it is driven. */
export interface Driven {
  readonly engine: ConnectionEngine & { readonly activeCalls: number };
  /** Engine that holds messages; `engine` itself unless given. */
  readonly holder?: ConnectionEngine;
  /** Uses the engine, each time before its output is read. */
  readonly beforeOutput?: () => void;
}

/** Feeds an engine, advances time, reads its output, ends it, and checks that it holds nothing. */
export function drive(
  { engine, holder = engine, beforeOutput = () => {} }: Driven,
  input: Uint8Array,
  random: Random,
  limits: Limits,
): void {
  let nowMs = 1_000;
  let received = 0;
  let sent = 0;
  const take = () => {
    sent += engine.out.length;
    engine.out.clear();
    engine.outputDrained(nowMs);
  };
  const slowReader = random.chance(0.3);
  // Timeouts often end the connection before the input ends.
  const slowPeer = random.chance(0.4);
  beforeOutput();
  take();
  pieces(input, random, (piece) => {
    engine.receive(piece, nowMs);
    received += piece.length;
    const bound = received * OUTPUT_PER_OCTET + ANY_BYTES;
    check(
      engine.bufferedBytes + engine.out.length + sent <= bound,
      "output and memory are bounded",
    );
    limits.checkHeld(holder);
    beforeOutput();
    if (!slowReader || random.chance(0.02)) take();
    if (slowPeer && random.chance(0.05)) nowMs += random.pick([1, 100, 6_000, 40_000]);
    if (engine.nextTimerMs() <= nowMs) engine.onTimer(nowMs);
  });
  if (random.chance(0.5)) engine.receiveEnd(nowMs);
  engine.transportLost("gone", nowMs);
  check(engine.finished, "finished");
  check(engine.bufferedBytes === 0, `${engine.bufferedBytes} bytes are left`);
  check(engine.activeCalls === 0, `${engine.activeCalls} calls are left`);
  check(engine.nextTimerMs() === Infinity, "a timer is left");
  limits.checkReturned();
}
