/**
 * Hostile attestation documents by seed: mutants of real and of emulated ones, and bytes that only look like CBOR.
 *
 * @module
 */

import { AttestationError, nitroPolicy, readNitroDocument } from "../../../src/attestation/mod.ts";
import type { AttestationPolicy } from "../../../src/attestation/mod.ts";
import { type CborValue, decodeCbor } from "../../../src/attestation/cbor.ts";
import { encodeCbor } from "../../../src/attestation/cbor_writer.ts";
import process from "node:process";
import { EmulatedNsm, PCRS } from "../../fixtures/emulated_nsm.ts";
import { DEBUG_2024, PRODUCTION_2021, PRODUCTION_2025 } from "../../fixtures/nitro_documents.ts";
import { Random } from "../simulation/random.ts";

/** A document that is good, and the policy that accepts it. */
interface Origin {
  readonly document: Uint8Array;
  readonly policy: AttestationPolicy;
}

/** What became of one hostile document. */
export interface Outcome {
  readonly document: Uint8Array;
  /** Why it was refused; undefined if it was accepted. */
  readonly refused: AttestationError | undefined;
  /** CPU time of the verification, in ms. */
  readonly cpuMs: number;
  /** Growth of the heap and of buffers in it, in bytes; negative if the collector ran. */
  readonly heapBytes: number;
}

/** Makes hostile documents and has them verified. */
export class HostileDocuments {
  readonly #origins: readonly Origin[];

  private constructor(origins: readonly Origin[]) {
    this.#origins = origins;
  }

  static async create(): Promise<HostileDocuments> {
    const origins: Origin[] = [PRODUCTION_2021, PRODUCTION_2025, DEBUG_2024].map((document) => {
      const { claims } = readNitroDocument(document);
      const now = () => claims.timestamp;
      return { document, policy: nitroPolicy({ pcrs: { 4: claims.pcrs[4] }, debug: true, now }) };
    });
    const nsm = await EmulatedNsm.create();
    const policy = nitroPolicy({ pcrs: PCRS, root: nsm.root });
    for (const indefinite of [true, false]) {
      const document = await nsm.document({ indefinite, nonce: new Uint8Array(32) });
      origins.push({ document, policy });
    }
    for (const { document, policy } of origins) await policy.verify(document);
    return new HostileDocuments(origins);
  }

  /** Verifies the document of a seed. Rejects with what is no AttestationError. */
  async run(seed: number): Promise<Outcome> {
    const random = new Random(seed);
    const { document: good, policy } = random.pick(this.#origins);
    let document = random.pick(MUTATIONS)(good, random);
    if (same(document, good)) document = Uint8Array.of(...good, random.int(0, 255));
    const heapBefore = heapBytes();
    const before = process.cpuUsage();
    let refused: AttestationError | undefined;
    try {
      await policy.verify(document);
    } catch (error) {
      if (!(error instanceof AttestationError)) throw error;
      refused = error;
    }
    const after = process.cpuUsage(before);
    const cpuMs = (after.user + after.system) / 1_000;
    return { document, refused, cpuMs, heapBytes: heapBytes() - heapBefore };
  }
}

function heapBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

type Mutation = (good: Uint8Array, random: Random) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  changeBytes,
  cut,
  insert,
  bendItems,
  bendItems,
  bendFields,
  bendFields,
  nest,
  noise,
];

function changeBytes(good: Uint8Array, random: Random): Uint8Array {
  const document = good.slice();
  for (let left = random.int(1, 4); left > 0; left--) {
    document[random.int(0, document.length - 1)] = random.int(0, 255);
  }
  return document;
}

function cut(good: Uint8Array, random: Random): Uint8Array {
  const from = random.int(0, good.length);
  const to = random.int(from, good.length);
  return Uint8Array.of(...good.subarray(0, from), ...good.subarray(to));
}

function insert(good: Uint8Array, random: Random): Uint8Array {
  const at = random.int(0, good.length);
  const length = random.chance(0.1) ? 14_000 : random.int(1, 40);
  const filling = new Uint8Array(length).fill(random.pick([0, 0x81, 0x9f, 0xa1, 0xbf, 0xff, 0x5b]));
  return Uint8Array.of(...good.subarray(0, at), ...filling, ...good.subarray(at));
}

/** Well-formed COSE with one of its four items replaced. */
function bendItems(good: Uint8Array, random: Random): Uint8Array {
  const items = decodeCbor(good) as CborValue[];
  items[random.int(0, 3)] = random.chance(0.5)
    ? randomValue(random, 3)
    : new Uint8Array(96).map(() => random.int(0, 255));
  return encodeCbor(items);
}

/** Well-formed document with fields replaced, whose signature no longer fits. */
function bendFields(good: Uint8Array, random: Random): Uint8Array {
  const items = decodeCbor(good) as CborValue[];
  const fields = decodeCbor(items[2] as Uint8Array) as Map<string, CborValue>;
  const name = random.pick([...fields.keys()]);
  const value = fields.get(name)!;
  if (name === "cabundle" && random.chance(0.8)) {
    const bundle = value as Uint8Array[];
    const i = random.int(0, bundle.length - 1);
    bundle[i] = random.chance(0.5) ? random.pick(bundle) : changeBytes(bundle[i], random);
  } else if (value instanceof Uint8Array && random.chance(0.8)) {
    fields.set(name, random.chance(0.5) ? changeBytes(value, random) : cut(value, random));
  } else if (name === "timestamp" && random.chance(0.8)) {
    fields.set(name, (value as number) + random.int(-1e6, 1e6));
  } else fields.set(name, randomValue(random, 3));
  items[2] = encodeCbor(fields);
  return encodeCbor(items);
}

function nest(_good: Uint8Array, random: Random): Uint8Array {
  const levels = random.int(1, 16_000);
  return new Uint8Array(levels).fill(random.pick([0x81, 0x9f, 0xbf, 0xa1, 0xd2, 0x82]));
}

function noise(_good: Uint8Array, random: Random): Uint8Array {
  return new Uint8Array(random.int(0, 300)).map(() => random.int(0, 255));
}

function randomValue(random: Random, depth: number): CborValue {
  const kind = random.int(0, depth > 0 ? 6 : 4);
  if (kind === 0) return random.int(-1_000, 1_000_000);
  if (kind === 1) return "a".repeat(random.int(0, 40));
  if (kind === 2) return new Uint8Array(random.int(0, 1_100));
  if (kind === 3) return null;
  if (kind === 4) return random.chance(0.5);
  const count = random.int(0, 40);
  const values = Array.from({ length: count }, () => randomValue(random, depth - 1));
  return kind === 5 ? values : new Map(values.map((value, i) => [i, value]));
}

function same(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
