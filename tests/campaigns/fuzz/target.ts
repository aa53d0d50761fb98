import type { Random } from "../simulation/random.ts";

/** Target: code that reads untrusted bytes. */
export interface Target {
  readonly name: string;
  /** Invariant that holds for every input. */
  readonly invariant: string;
  /** Valid inputs to mutate. */
  seeds(): Uint8Array[];
  /** Splits an input into units: preface, frames, trailing rest. */
  split(input: Uint8Array): Uint8Array[];
  /** Changes one unit and keeps it mostly valid. */
  bend(unit: Uint8Array, random: Random): Uint8Array;
  /** Runs one input; `seed` determines everything else. Throws when the invariant is violated. */
  run(input: Uint8Array, seed: number): void | Promise<void>;
}

/** Concatenates units. */
export function join(units: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(units.reduce((sum, unit) => sum + unit.length, 0));
  let at = 0;
  for (const unit of units) {
    bytes.set(unit, at);
    at += unit.length;
  }
  return bytes;
}

const EDGES = [0, 1, 2, 0x3f, 0x40, 0x7f, 0x80, 0xfe, 0xff];

/** Flips, sets, inserts or removes octets. */
export function scratch(bytes: Uint8Array, random: Random): Uint8Array {
  if (bytes.length === 0) return Uint8Array.of(random.pick(EDGES));
  const copy = bytes.slice();
  const at = random.int(0, bytes.length - 1);
  switch (random.int(0, 4)) {
    case 0:
      copy[at] ^= 1 << random.int(0, 7);
      return copy;
    case 1:
      copy[at] = random.pick(EDGES);
      return copy;
    case 2:
      copy[at] = random.int(0, 255);
      return copy;
    case 3:
      return join([bytes.subarray(0, at), bytes.subarray(at + random.int(1, 8))]);
    default: {
      const more = Uint8Array.from({ length: random.int(1, 8) }, () => random.pick(EDGES));
      return join([bytes.subarray(0, at), more, bytes.subarray(at)]);
    }
  }
}

// Largest growth of an input, to bound time and memory.
const MAX_INPUT_BYTES = 1 << 18;

/** Mutates `input`, sometimes with units of `other`. */
export function mutate(
  target: Target,
  input: Uint8Array,
  other: Uint8Array,
  random: Random,
): Uint8Array {
  const units = target.split(input);
  for (let rounds = random.int(1, 6); rounds > 0; rounds--) {
    const at = random.int(0, Math.max(0, units.length - 1));
    switch (random.int(0, 9)) {
      case 0:
        units.splice(at, random.int(1, 3));
        break;
      case 1:
        units.splice(at, 0, ...units.slice(at, at + random.int(1, 4)));
        break;
      case 2: {
        const to = random.int(0, units.length);
        units.splice(to, 0, ...units.splice(at, 1));
        break;
      }
      case 3: {
        const others = target.split(other);
        const from = random.int(0, Math.max(0, others.length - 1));
        units.splice(at, 0, ...others.slice(from, from + random.int(1, 4)));
        break;
      }
      case 4:
        if (units.length > 0) units[at] = units[at].subarray(0, random.int(0, units[at].length));
        break;
      case 5: {
        const times = random.pick([2, 10, 200]);
        if (units.length > 0) units.splice(at, 0, ...new Array(times).fill(units[at]));
        break;
      }
      case 6:
        if (units.length > 0) units[at] = scratch(units[at], random);
        break;
      default:
        if (units.length > 0) units[at] = target.bend(units[at], random);
    }
  }
  const bytes = join(units);
  return bytes.length > MAX_INPUT_BYTES ? bytes.slice(0, MAX_INPUT_BYTES) : bytes;
}

/** Removes what a failing input does not need. */
export async function minimize(
  target: Target,
  input: Uint8Array,
  seed: number,
): Promise<Uint8Array> {
  let best = input;
  const fails = async (bytes: Uint8Array) => {
    try {
      await target.run(bytes, seed);
      return false;
    } catch {
      return true;
    }
  };
  for (
    const parts of [
      (bytes: Uint8Array) => target.split(bytes),
      (bytes: Uint8Array) => octets(bytes),
    ]
  ) {
    let units = parts(best);
    for (let count = units.length; count >= 1; count = Math.floor(count / 2)) {
      for (let from = 0; from < units.length;) {
        const fewer = [...units.slice(0, from), ...units.slice(from + count)];
        if (fewer.length < units.length && await fails(join(fewer))) units = fewer;
        else from += count;
      }
    }
    best = join(units);
    if (best.length > 2_000) break;
  }
  return best;
}

function octets(bytes: Uint8Array): Uint8Array[] {
  return Array.from(bytes, (octet) => Uint8Array.of(octet));
}

/** Passes an input to `feed` in random pieces. */
export function pieces(input: Uint8Array, random: Random, feed: (piece: Uint8Array) => void): void {
  const most = random.pick([1, 10, 1_000, 1 << 20]);
  if (most === 1 && input.length > 2_000) return feed(input.slice());
  for (let at = 0; at < input.length;) {
    const count = Math.min(input.length - at, random.int(1, most));
    const piece = input.slice(at, at + count);
    feed(piece);
    piece.fill(0xee);
    at += count;
  }
}
