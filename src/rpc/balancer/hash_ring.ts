/**
 * Rings of hashes, with points in proportion to the weights of addresses (gRPC A42), built as grpc-go
 * builds them.
 *
 * @module
 */

import type { ResolvedAddress } from "./types.ts";
import { hashHigh, hashLow, xxh64 } from "./xxh64.ts";

/** Attribute of an address with the text that places it on the ring, in place of the address (gRPC A76). */
export const HASH_KEY = "hashKey";

/** Points in ascending order of their hashes. */
export class Ring {
  /** Index of the address of each point. */
  readonly owners: Uint32Array;
  readonly #high: Uint32Array;
  readonly #low: Uint32Array;

  /** Makes a ring of points in ascending order. */
  constructor(high: Uint32Array, low: Uint32Array, owners: Uint32Array) {
    this.#high = high;
    this.#low = low;
    this.owners = owners;
  }

  /** Returns the index of the first point at or above a hash, or of the first of all. The halves are signed. */
  find(signedHigh: number, signedLow: number): number {
    const high = signedHigh >>> 0;
    const low = signedLow >>> 0;
    let from = 0;
    let to = this.owners.length;
    while (from < to) {
      const middle = (from + to) >>> 1;
      const h = this.#high[middle];
      if (h < high || (h === high && this.#low[middle] < low)) from = middle + 1;
      else to = middle;
    }
    return from === this.owners.length ? 0 : from;
  }
}

/** Makes the ring of addresses, whose indices are its owners; empty without addresses. */
export function buildRing(
  addresses: readonly ResolvedAddress[],
  { minRingSize, maxRingSize }: { minRingSize: number; maxRingSize: number },
): Ring {
  const total = addresses.reduce((sum, one) => sum + (one.weight ?? 1), 0);
  const shares = addresses.map(({ address, weight = 1, attributes }, owner) => ({
    owner,
    share: weight / total,
    key: attributes?.[HASH_KEY] as string | undefined ?? address,
  })).sort((a, b) => a.key < b.key ? -1 : 1);
  const smallest = Math.min(1, ...shares.map(({ share }) => share));
  const scale = Math.min(Math.ceil(smallest * minRingSize) / smallest, maxRingSize);
  const points: { high: number; low: number; owner: number }[] = [];
  let target = 0;
  for (const { owner, share, key } of shares) {
    target += scale * share;
    for (let n = 0; points.length < target; n++) {
      xxh64(`${key}_${n}`);
      points.push({ high: hashHigh() >>> 0, low: hashLow() >>> 0, owner });
    }
  }
  points.sort((a, b) => a.high - b.high || a.low - b.low);
  return new Ring(
    Uint32Array.from(points, ({ high }) => high),
    Uint32Array.from(points, ({ low }) => low),
    Uint32Array.from(points, ({ owner }) => owner),
  );
}
