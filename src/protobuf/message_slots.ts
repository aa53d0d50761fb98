/**
 * The values of a message's members while it is decoded without generated code: a list, from which the message is made
 * in the end. Setting a property takes five times as long as setting an element, because all types share the code.
 *
 * @module
 */

import type { DescField, DescMessage, DescOneof } from "@bufbuild/protobuf";
import { noBytes } from "../bytes/empty.ts";
import { ABSENT, initialOf, initialSource } from "./message_source.ts";
import type { UnknownField } from "./reader.ts";
import { type Fields, prototypeOf } from "./shape.ts";

/** Values of members by their places; undefined for what did not occur. The last ones are the unknown fields. */
export type Slots = unknown[];

/** What a message has for a member that did not occur: its own value, a new object, or no property. */
const Initial = { VALUE: 0, LIST: 1, MAP: 2, ONEOF: 3, BYTES: 4, NONE: 5 } as const;

/** The places of a message type's members. */
export class SlotLayout {
  /** Place of the unknown fields. */
  readonly unknown: number;
  readonly #typeName: string;
  readonly #prototype: object | undefined;
  readonly #members: readonly (DescField | DescOneof)[];
  readonly #names: readonly string[];
  readonly #kinds: readonly number[];
  readonly #empty: Slots;

  /** Members that messages always have come first: thus all messages have their properties in the same order. */
  constructor(descriptor: DescMessage) {
    const isAbsent = (member: DescField | DescOneof) => kindOf(member) === Initial.NONE;
    const members = [
      ...descriptor.members.filter((member) => !isAbsent(member)),
      ...descriptor.members.filter(isAbsent),
    ];
    this.#members = members;
    this.#typeName = descriptor.typeName;
    this.#prototype = prototypeOf(descriptor);
    this.#names = members.map(({ localName }) => localName);
    this.#kinds = members.map(kindOf);
    this.#empty = members.map((member, i) =>
      this.#kinds[i] === Initial.VALUE ? initialOf(member as DescField) : undefined
    );
    this.unknown = this.#empty.push(undefined) - 1;
  }

  /** Place of a field, which is that of its oneof if it has one. */
  placeOf(field: DescField): number {
    return this.#members.indexOf(field.oneof ?? field);
  }

  /** Returns the values of a new message. */
  empty(): Slots {
    return this.#empty.slice();
  }

  /** Makes a message of its values. */
  make(slots: Slots): Fields {
    const message: Fields = this.#prototype === undefined ? {} : Object.create(this.#prototype);
    message.$typeName = this.#typeName;
    const names = this.#names;
    for (let i = 0; i < names.length; i++) {
      const value = slots[i];
      if (value !== undefined) message[names[i]] = value;
      else if (this.#kinds[i] !== Initial.NONE) message[names[i]] = initial(this.#kinds[i]);
    }
    if (slots[this.unknown] !== undefined) message.$unknown = slots[this.unknown];
    return message;
  }

  /** Returns the values of a message that {@link make} has made. */
  of(message: Fields): Slots {
    const slots: Slots = this.#names.map((name) =>
      Object.hasOwn(message, name) ? message[name] : undefined
    );
    slots.push(message.$unknown);
    return slots;
  }

  /** Sets the values of a message, from which {@link of} returned them, to what they have become. */
  update(message: Fields, slots: Slots): void {
    for (const [i, name] of this.#names.entries()) {
      if (slots[i] !== undefined) message[name] = slots[i];
    }
    if (slots[this.unknown] !== undefined) message.$unknown = slots[this.unknown];
  }

  /** Returns the unknown fields, to which more can be added. */
  unknownOf(slots: Slots): UnknownField[] {
    return (slots[this.unknown] ??= []) as UnknownField[];
  }
}

/** Returns a function that makes messages with their initial values, like `create()` but faster. */
export function messageFactory(descriptor: DescMessage): () => Fields {
  const layout = new SlotLayout(descriptor);
  const slots = layout.empty();
  return () => layout.make(slots);
}

function kindOf(member: DescField | DescOneof): number {
  if (member.kind === "oneof") return Initial.ONEOF;
  if (member.fieldKind === "list") return Initial.LIST;
  if (member.fieldKind === "map") return Initial.MAP;
  if (initialSource(member) === ABSENT) return Initial.NONE;
  const value = initialOf(member);
  return value instanceof Uint8Array ? Initial.BYTES : Initial.VALUE;
}

function initial(kind: number): unknown {
  switch (kind) {
    case Initial.LIST:
      return [];
    case Initial.MAP:
      return {};
    case Initial.ONEOF:
      return { case: undefined };
    default:
      return noBytes();
  }
}
