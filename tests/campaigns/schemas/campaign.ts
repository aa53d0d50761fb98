// Compares the codecs with protobuf-es, and with Python's upb, on random message types: valid and damaged messages,
// binary and JSON, by generated code and without it.

import {
  create,
  type DescMessage,
  fromBinary,
  fromJsonString,
  type Message,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import fc from "fast-check";
import { decoderOf } from "../../../src/protobuf/decoder.ts";
import { encoderOf } from "../../../src/protobuf/encoder.ts";
import { jsonDecoderOf } from "../../../src/protobuf/json/decoder.ts";
import { jsonEncoderOf } from "../../../src/protobuf/json/encoder.ts";
import type { Fields } from "../../../src/protobuf/shape.ts";
import { descriptors, initOf } from "../../protobuf/random_schema.ts";
import { attempt, differenceOf, equal, unsigned } from "./comparing.ts";
import { damagedBytes, damagedText, randomOf } from "./damage.ts";
import { withoutUnknownsOfEntries } from "./filter_fields.ts";
import type { Upb, UpbMessage } from "./upb.ts";

/** Messages of each type, and damaged inputs of each message and form. */
const MESSAGES = 8;
const DAMAGED = 6;

const UNDECIDED = "damaged input that protobuf-es takes in another way, without upb to decide";

/**
 * The last two bytes of a double or float that may be a signaling NaN (IEEE 754 §6.2.1). Its bits are not preserved by
 * V8, nor have they to be (ECMAScript, NumericToRawBytes); protobuf-es's depend on the optimization of its code, too.
 */
export const SIGNALING_NAN = /(?:f[0-7]|[89ab][0-9a-f])[7f]f/;

const text = new TextDecoder();
const utf8 = new TextEncoder();

/** What a campaign found. */
export interface Findings {
  types: number;
  inputs: number;
  /** Inputs that upb saw, too. */
  byUpb: number;
  /** Differences that have an explanation, with their number. */
  readonly explained: Map<string, number>;
  /** Other differences, as text. */
  readonly differences: string[];
}

/** Compares one random type by its seed; adds to `findings`. */
export async function compareType(seed: number, findings: Findings, upb?: Upb): Promise<void> {
  const [descriptor] = fc.sample(descriptors, { seed, numRuns: 1 });
  const inits = fc.sample(initOf(descriptor), { seed, numRuns: MESSAGES });
  const file = toBinary(FileDescriptorProtoSchema, descriptor.file.proto);
  const refusal = await upb?.load(file) ?? "";
  if (refusal !== "") findings.differences.push(`upb refuses the type of seed ${seed}: ${refusal}`);
  const comparison = new Comparison(descriptor, seed, findings, refusal === "" ? upb : undefined);
  findings.types++;
  const random = randomOf(seed);
  for (const init of inits) {
    const bytes = attempt(() => toBinary(descriptor, create(descriptor, init)));
    if (!(bytes instanceof Uint8Array)) continue;
    comparison.encoded(init, bytes);
    await comparison.binary(bytes, true);
    for (let i = 0; i < DAMAGED; i++) await comparison.binary(damagedBytes(bytes, random), false);
    const json = attempt(() => toJsonString(descriptor, create(descriptor, init) as Message));
    if (typeof json !== "string") continue;
    await comparison.json(json, true);
    for (let i = 0; i < DAMAGED; i++) await comparison.json(damagedText(json, random), false);
  }
}

class Comparison {
  readonly #type: DescMessage;
  readonly #seed: number;
  readonly #findings: Findings;
  readonly #upb: Upb | undefined;

  constructor(type: DescMessage, seed: number, findings: Findings, upb: Upb | undefined) {
    this.#type = type;
    this.#seed = seed;
    this.#findings = findings;
    this.#upb = upb;
  }

  /** The bytes of an init shape are those of protobuf-es. */
  encoded(init: Fields, expected: Uint8Array): void {
    for (const generate of [true, false]) {
      const bytes = attempt(() => encoderOf(this.#type, generate)(init, false));
      if (!equal(bytes, expected)) this.#differ("encode", JSON.stringify(shown(init)), bytes);
    }
  }

  /**
   * Both decoders make what protobuf-es makes, or refuse what it refuses, unknown fields included. Where it differs, upb
   * decides.
   */
  async binary(input: Uint8Array, valid: boolean): Promise<void> {
    this.#findings.inputs++;
    const hex = input.toHex();
    const expected = attempt(() => fromBinary(this.#type, input));
    const message = attempt(() => decoderOf(this.#type, true)(input));
    const other = attempt(() => decoderOf(this.#type, false)(input));
    if (!equal(outcomeOf(message), outcomeOf(other))) this.#differ("forms", hex, message, other);
    const peer = await this.#upb?.decode("B", input);
    const byUpb = this.#upb === undefined ? undefined : this.#agrees(message, peer);
    if (byUpb !== undefined) this.#findings.byUpb++;
    if (byUpb === false && await this.#agreesWithoutEntryUnknowns(input, message)) {
      this.#count("binary: upb keeps map entries with unknown fields among the unknown fields");
    } else if (byUpb === false) {
      this.#explain("decode by upb", hex, message, peer && this.#read(peer));
    }
    const asEs = message instanceof Error ? expected instanceof Error : equal(message, expected);
    if (!asEs && byUpb) this.#count("binary: protobuf-es differs from upb");
    else if (!asEs && byUpb === undefined && !valid) this.#count(UNDECIDED);
    else if (!asEs) this.#explain("decode", hex, message, expected);
    if (message instanceof Error || !asEs) return;
    const again = attempt(() => encoderOf(this.#type)(message, false));
    const canonical = attempt(() => toBinary(this.#type, expected as Message));
    if (again instanceof Error && canonical instanceof Error || equal(again, canonical)) return;
    const read = [again, canonical].map((bytes) =>
      bytes instanceof Error ? bytes : attempt(() => fromBinary(this.#type, bytes))
    );
    if (SIGNALING_NAN.test(hex) && !(read[0] instanceof Error) && equal(read[0], read[1])) {
      return this.#count("binary: V8 sets the quiet bit of a signaling NaN, at some times");
    }
    this.#differ("encode again", hex, again, canonical);
  }

  #read({ binary }: UpbMessage): unknown {
    // Not by protobuf-es, which rejects some valid messages.
    return attempt(() => decoderOf(this.#type)(binary));
  }

  /** Whether upb makes the same message once the unknown fields of map entries are left out. */
  async #agreesWithoutEntryUnknowns(input: Uint8Array, message: Fields | Error): Promise<boolean> {
    const rest = attempt(() => withoutUnknownsOfEntries(this.#type, input));
    if (rest instanceof Error || rest.length === input.length) return false;
    return this.#agrees(message, await this.#upb?.decode("B", rest));
  }

  /** Whether upb rejects what is an Error, or makes the same message; it may order maps in another way. */
  #agrees(message: Fields | Error, peer: UpbMessage | undefined): boolean {
    if (message instanceof Error || peer === undefined) {
      return message instanceof Error && peer === undefined;
    }
    const bytes = attempt(() => encoderOf(this.#type)(message, false));
    // What lacks a required field can't be encoded.
    if (bytes instanceof Error) return true;
    return equal(this.#read(peer), attempt(() => decoderOf(this.#type)(bytes)));
  }

  /** JSON is decoded as protobuf-es does; what is accepted is written as JSON that reads back. */
  async json(input: string, valid: boolean): Promise<void> {
    this.#findings.inputs++;
    const bytes = utf8.encode(input);
    const expected = attempt(() => fromJsonString(this.#type, input));
    const message = attempt(() => jsonDecoderOf(this.#type, true)(bytes, {}));
    const other = attempt(() => jsonDecoderOf(this.#type, false)(bytes, {}));
    if (!equal(outcomeOf(message), outcomeOf(other))) this.#differ("forms", input, message, other);
    const peer = await this.#upb?.decode("J", bytes);
    const byUpb = this.#upb === undefined ? undefined : this.#agrees(message, peer);
    if (byUpb !== undefined) this.#findings.byUpb++;
    const asEs = message instanceof Error ? expected instanceof Error : equal(message, expected);
    if (!asEs && byUpb) this.#count("JSON: protobuf-es differs from Python's json_format");
    else if (!asEs && byUpb === undefined && !valid) this.#count(UNDECIDED);
    else if (!asEs) this.#explain("JSON", input, message, expected);
    if (byUpb === false && asEs) this.#count("JSON: Python's json_format differs from protobuf-es");
    else if (byUpb === false) {
      this.#explain("JSON by upb", input, message, peer && this.#read(peer));
    }
    if (message instanceof Error) return;
    for (const generate of [true, false]) this.#writtenAgain(message, input, generate);
    if (peer === undefined || peer.json === "") return;
    const read = attempt(() => jsonDecoderOf(this.#type)(utf8.encode(peer.json), {}));
    if (read instanceof Error) this.#differ("JSON of upb", peer.json, read);
  }

  #writtenAgain(message: Fields, input: string, generate: boolean): void {
    const written = attempt(() => jsonEncoderOf(this.#type, {}, generate)(message));
    const canonical = attempt(() => toJsonString(this.#type, message as unknown as Message));
    if (written instanceof Error || canonical instanceof Error) {
      if (written instanceof Error !== canonical instanceof Error) {
        this.#differ("JSON encode", input, written, canonical);
      }
      return;
    }
    const read = attempt(() => jsonDecoderOf(this.#type, generate)(written, {}));
    if (!equal(read, message)) this.#explain("JSON again", input, read, message);
    if (!equal(withoutSigns(text.decode(written)), JSON.parse(canonical))) {
      this.#explain("JSON encode", input, text.decode(written), canonical);
    }
  }

  #explain(what: string, input: string, one: unknown, other?: unknown): void {
    const reason = explanationOf(what, this.#type, input, one, other);
    if (reason === undefined) return this.#differ(what, input, one, other);
    this.#count(reason);
  }

  #count(reason: string): void {
    const { explained } = this.#findings;
    explained.set(reason, (explained.get(reason) ?? 0) + 1);
  }

  #differ(what: string, input: string, one: unknown, other?: unknown): void {
    this.#findings.differences.push(
      `${what}, seed ${this.#seed}: ${input}\n  ${differenceOf(one, other)}`,
    );
  }
}

/** A message, or the text of an error. */
function outcomeOf(message: Fields | Error): unknown {
  return message instanceof Error ? `${message.name}: ${message.message}` : message;
}

/** JSON without the sign of -0, which JSON.stringify loses. */
function withoutSigns(json: string): unknown {
  return JSON.parse(JSON.stringify(JSON.parse(json)));
}

function shown(init: Fields): unknown {
  return JSON.parse(
    JSON.stringify(init, (_, value) => typeof value === "bigint" ? String(value) : value),
  );
}

/** Why a difference is none that has to be mended; undefined if it is one. */
function explanationOf(
  what: string,
  type: DescMessage,
  input: string,
  one: unknown,
  other: unknown,
): string | undefined {
  if (what.startsWith("decode")) {
    return hasClosedItems(type)
      ? "binary: unknown values of closed enums in lists and maps are kept there, as by protobuf-es"
      : undefined;
  }
  if (one instanceof Error && one.message.includes("is not in the range of a double")) {
    return "JSON: numbers beyond a double in a Value, which protobuf-es and json_format make infinite";
  }
  if (/-0(?![.\d])/.test(input) && equal(unsigned(one), unsigned(other))) {
    return "JSON: protobuf-es keeps the sign of -0 in integers";
  }
  if (/-0(?![.\d])/.test(input)) return "JSON: json_format rejects -0 for integers";
  if (/"-?\d+(?:\.\d+)?(?:e\d+)?\.?\d*"/.test(input) && /"[^"]*[.e][^"]*"/.test(input)) {
    return "JSON: numbers in quotes with a fraction or exponent; protobuf-es and json_format differ";
  }
  return undefined;
}

/** Whether a type, or one within, has a list or a map of a closed enum. */
function hasClosedItems(type: DescMessage, seen = new Set<DescMessage>()): boolean {
  if (seen.has(type)) return false;
  seen.add(type);
  return type.fields.some((field) =>
    (field.enum !== undefined && !field.enum.open && field.fieldKind !== "enum") ||
    (field.message !== undefined && hasClosedItems(field.message, seen))
  );
}
