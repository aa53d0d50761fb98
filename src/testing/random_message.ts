/**
 * Random messages of a protobuf type.
 *
 * @module
 */

import {
  create,
  type DescEnum,
  type DescField,
  type DescMessage,
  type MessageInitShape,
  type MessageShape,
  ScalarType,
} from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence as Presence } from "@bufbuild/protobuf/wkt";

/**
 * Source of random numbers, from 0 to below 1, the same for the same seed (mulberry32).
 *
 * @category Testing
 */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const MAX_ITEMS = 3;
// Messages within messages; recursive types would never end.
const MAX_DEPTH = 4;
const WORDS = ["amber", "birch", "cedar", "delta", "ember", "fjord", "grove", "heron"];
// The years 2000 to 2033, in seconds: valid in JSON, too.
const FIRST_SECOND = 946_684_800;
const SECONDS = 1_041_379_200;

/**
 * Makes a random message that is valid in binary and in JSON: every enum has a declared value, every timestamp is one
 * of this century, strings are words. Rules of protovalidate are not followed. `random` returns numbers from 0 to below
 * 1.
 *
 * @category Testing
 */
export function randomMessage<D extends DescMessage>(
  descriptor: D,
  random: () => number = Math.random,
): MessageShape<D> {
  return new Generator(random).message(descriptor, 0) as MessageShape<D>;
}

class Generator {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  message(descriptor: DescMessage, depth: number): unknown {
    const init = this.#wellKnown(descriptor) ?? this.#members(descriptor, depth);
    return create(descriptor, init as MessageInitShape<DescMessage>);
  }

  #members(descriptor: DescMessage, depth: number): Record<string, unknown> {
    const init: Record<string, unknown> = {};
    for (const member of descriptor.members) {
      if (member.kind === "oneof") {
        const field = member.fields[this.#below(member.fields.length)];
        if (field.message !== undefined && depth >= MAX_DEPTH) continue;
        init[member.localName] = { case: field.localName, value: this.#single(field, depth) };
      } else {
        const value = this.#field(member, depth);
        if (value !== undefined) init[member.localName] = value;
      }
    }
    return init;
  }

  #field(field: DescField, depth: number): unknown {
    // A required field (proto2) is set at any depth: no message of a type that requires itself is finite.
    const required = field.presence === Presence.LEGACY_REQUIRED;
    if (field.message !== undefined && depth >= MAX_DEPTH && !required) return undefined;
    switch (field.fieldKind) {
      case "list":
        return this.#some(() => this.#single(field, depth));
      case "map":
        return Object.fromEntries(
          this.#some(() => [this.#scalar(field.mapKey), this.#single(field, depth)] as const),
        );
      default:
        return this.#single(field, depth);
    }
  }

  /** A field's value, or one item or value of a list or map. */
  #single(field: DescField, depth: number): unknown {
    if (field.message !== undefined) return this.message(field.message, depth + 1);
    if (field.enum !== undefined) return this.#enum(field.enum);
    const longAsString = "longAsString" in field && field.longAsString;
    const value = this.#scalar(field.scalar!);
    return longAsString ? String(value) : value;
  }

  #enum(descriptor: DescEnum): number {
    return descriptor.values[this.#below(descriptor.values.length)].number;
  }

  #scalar(type: ScalarType): string | number | bigint | boolean | Uint8Array {
    switch (type) {
      case ScalarType.STRING:
        return `${this.#word()} ${this.#word()}`;
      case ScalarType.BYTES:
        return Uint8Array.from(this.#some(() => this.#below(256)));
      case ScalarType.BOOL:
        return this.#random() < 0.5;
      case ScalarType.DOUBLE:
      case ScalarType.FLOAT:
        // Quarters are exact in both.
        return this.#below(4_000) / 4;
      case ScalarType.INT32:
      case ScalarType.SINT32:
      case ScalarType.SFIXED32:
        return this.#below(2_000) - 1_000;
      case ScalarType.UINT32:
      case ScalarType.FIXED32:
        return this.#below(1_000);
      case ScalarType.INT64:
      case ScalarType.SINT64:
      case ScalarType.SFIXED64:
        return BigInt(this.#below(2_000) - 1_000);
      default:
        return BigInt(this.#below(1_000));
    }
  }

  /** Contents of the well-known types whose fields alone don't make a value valid; undefined for other types. */
  #wellKnown({ typeName }: DescMessage): Record<string, unknown> | undefined {
    switch (typeName) {
      case "google.protobuf.Timestamp":
        return { seconds: BigInt(FIRST_SECOND + this.#below(SECONDS)), nanos: this.#below(1e9) };
      case "google.protobuf.Duration":
        return { seconds: BigInt(this.#below(86_400)), nanos: this.#below(1e9) };
      case "google.protobuf.FieldMask":
        return { paths: this.#some(() => this.#word()) };
      case "google.protobuf.Any":
        return {};
      case "google.protobuf.Value":
        return { kind: { case: "stringValue", value: this.#word() } };
      default:
        return undefined;
    }
  }

  #some<T>(make: () => T): T[] {
    return Array.from({ length: 1 + this.#below(MAX_ITEMS) }, make);
  }

  #word(): string {
    return WORDS[this.#below(WORDS.length)];
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }
}
