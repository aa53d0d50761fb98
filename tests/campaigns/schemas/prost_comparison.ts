// Compares what the binary codec and prost make of a message.

import type { DescMessage } from "@bufbuild/protobuf";
import { decoderOf } from "../../../src/protobuf/decoder.ts";
import { encoderOf } from "../../../src/protobuf/encoder.ts";
import type { Fields } from "../../../src/protobuf/shape.ts";
import { attempt, differenceOf, equal, isObject, unsigned } from "./comparing.ts";
import { withoutExcessBits, withoutOtherWireTypes, withRepairedTexts } from "./filter_fields.ts";

/** What a comparison found. */
export interface ProstFindings {
  inputs: number;
  /** Differences that have an explanation, with their number. */
  readonly explained: Map<string, number>;
  /** Other differences, as text. */
  readonly differences: string[];
}

/** Decodes a message with prost and encodes it again; undefined when prost rejects it. */
type Again = (data: Uint8Array) => Promise<Uint8Array | undefined>;

/** Compares messages of one type. */
export class ProstComparison {
  readonly #type: DescMessage;
  readonly #seed: number;
  readonly #findings: ProstFindings;
  readonly #prost: Again;

  constructor(type: DescMessage, seed: number, findings: ProstFindings, prost: Again) {
    this.#type = type;
    this.#seed = seed;
    this.#findings = findings;
    this.#prost = prost;
  }

  /** Both reject an input, or accept it and make the same of it, except for unknown fields, which prost drops. */
  async compare(input: Uint8Array): Promise<void> {
    this.#findings.inputs++;
    const message = attempt(() => decoderOf(this.#type)(input));
    const peer = await this.#prost(input);
    if (message instanceof Error && peer === undefined) return;
    const expected = message instanceof Error ? message : this.#canonical(message);
    // A message without a required field can't be encoded; prost gives it the default.
    if (!(message instanceof Error) && expected instanceof Error) return this.#count(REQUIRED);
    const made = peer && this.#read(peer);
    if (equal(expected, made)) return;
    const reason = await this.#explanation(input, expected, made);
    if (reason !== undefined) return this.#count(reason);
    this.#findings.differences.push(
      `seed ${this.#seed}: ${input.toHex()}\n  ${differenceOf(expected, made)}`,
    );
  }

  /** The message as it is read after it was encoded, without unknown fields. */
  #canonical(message: Fields): unknown {
    const bytes = attempt(() => encoderOf(this.#type)(message, false));
    return bytes instanceof Error ? bytes : this.#read(bytes);
  }

  #read(bytes: Uint8Array): unknown {
    const message = attempt(() => decoderOf(this.#type)(bytes));
    return message instanceof Error ? message : withoutUnknown(message);
  }

  async #explanation(
    input: Uint8Array,
    expected: unknown,
    made: unknown,
  ): Promise<string | undefined> {
    if (expected instanceof Error) return undefined;
    if (made !== undefined) {
      if (equal(unsigned(expected), unsigned(made))) return MINUS_ZERO;
      return hasClosedEnums(this.#type) ? CLOSED_ENUMS : undefined;
    }
    const [all, ...single] = this.#harmless(input);
    for (const [reason, rest] of [...single, all]) {
      if (rest instanceof Error) continue;
      const peer = await this.#prost(rest);
      if (peer !== undefined && equal(this.#read(peer), expected)) return reason;
    }
    return undefined;
  }

  /** The input without what prost rejects: without all of it, then without each. */
  #harmless(input: Uint8Array): [reason: string, rest: Uint8Array | Error][] {
    const ownTypes = (bytes: Uint8Array) => withoutOtherWireTypes(this.#type, bytes);
    const repaired = (bytes: Uint8Array) => withRepairedTexts(this.#type, bytes);
    return [
      [SEVERAL, attempt(() => repaired(ownTypes(withoutExcessBits(this.#type, input))))],
      [WIRE_TYPES, attempt(() => ownTypes(input))],
      [VARINTS, attempt(() => withoutExcessBits(this.#type, input))],
      [UTF_8, attempt(() => repaired(input))],
    ];
  }

  #count(reason: string): void {
    const { explained } = this.#findings;
    explained.set(reason, (explained.get(reason) ?? 0) + 1);
  }
}

const REQUIRED = "prost gives required fields that are not set their default";
const MINUS_ZERO = "prost does not write -0 in fields without presence";
const CLOSED_ENUMS = "prost keeps unknown values of closed enums in their fields";
const WIRE_TYPES = "prost rejects fields with another wire type than theirs";
const VARINTS = "prost rejects varints of more than 64 bits, of which others drop the excess";
const SEVERAL = "prost rejects several of these at once";
const UTF_8 = "prost rejects text of proto2 that is not UTF-8";

function withoutUnknown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUnknown);
  if (!isObject(value) || value instanceof Uint8Array) return value;
  const { $unknown: _, ...fields } = value;
  return Object.fromEntries(
    Object.entries(fields).map(([key, item]) => [key, withoutUnknown(item)]),
  );
}

/** Whether a type, or one within, has a field of a closed enum. */
function hasClosedEnums(type: DescMessage, seen = new Set<DescMessage>()): boolean {
  if (seen.has(type)) return false;
  seen.add(type);
  return type.fields.some((field) =>
    field.enum?.open === false ||
    (field.message !== undefined && hasClosedEnums(field.message, seen))
  );
}
