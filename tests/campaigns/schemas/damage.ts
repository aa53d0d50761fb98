// Damaged messages, binary and JSON, by seed.

/** Numbers from 0 to below 1, the same for the same seed. */
export function randomOf(seed: number): () => number {
  return () => {
    seed = seed + 0x6d2b79f5 | 0;
    let t = Math.imul(seed ^ seed >>> 15, 1 | seed);
    t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t;
    return ((t ^ t >>> 14) >>> 0) / 4294967296;
  };
}

/** Bytes with one to three of them changed, added, repeated or left out, or cut off. */
export function damagedBytes(bytes: Uint8Array, random: () => number): Uint8Array {
  const damaged = [...bytes];
  for (let steps = 1 + random() * 3 | 0; steps > 0; steps--) {
    const at = random() * (damaged.length + 1) | 0;
    const value = random() < 0.3 ? [0, 1, 0x7f, 0x80, 0xff][random() * 5 | 0] : random() * 256 | 0;
    switch (random() * 5 | 0) {
      case 0:
        damaged.splice(at, 1);
        break;
      case 1:
        damaged.splice(at, 0, value);
        break;
      case 2:
        damaged.length = at;
        break;
      case 3:
        damaged.splice(at, 0, ...damaged.slice(random() * at | 0, at));
        break;
      default:
        if (at < damaged.length) damaged[at] = value;
    }
  }
  return Uint8Array.from(damaged);
}

const PARTS = [
  ...['"', "\\", "{", "}", "[", "]", ",", ":", "null", "true", "false", "1", "-", ".", "e5", " "],
  ...[
    '"f_0":',
    '"f0":',
    "\\ud800",
    "\\u0041",
    "0",
    '"x"',
    "9".repeat(20),
    "-0",
    "1.0",
    "1e2",
    '""',
  ],
  ...['"1"', "[]", "{}", "2147483648", '"CLOSED_TWO"', '"NaN"', "77"],
];

/** JSON with one or two of its values or characters replaced. */
export function damagedText(json: string, random: () => number): string {
  for (let steps = 1 + random() * 2 | 0; steps > 0; steps--) {
    // Most damage replaces a value, so that much of it stays JSON.
    const values = [...json.matchAll(/(?<=[:[,])("[^"]*"|[^",:{}[\]]+|\[\]|\{\})(?=[,}\]])/g)];
    const part = PARTS[random() * PARTS.length | 0];
    if (values.length > 0 && random() < 0.7) {
      const { index, 0: value } = values[random() * values.length | 0];
      json = json.slice(0, index) + part + json.slice(index + value.length);
    } else {
      const at = random() * (json.length + 1) | 0;
      json = json.slice(0, at) + part + json.slice(at + (random() * 4 | 0));
    }
  }
  // Half of a surrogate pair has no form in UTF-8.
  return json.toWellFormed();
}
