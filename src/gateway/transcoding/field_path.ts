/**
 * Paths of fields in messages: `book.author.name`.
 *
 * @module
 */

import { type DescField, type DescMessage, equals, type Message } from "@bufbuild/protobuf";
import { isReflectMessage, reflect, type ReflectMessage } from "@bufbuild/protobuf/reflect";

/** Fields from a message down to one of them. */
export type FieldPath = readonly DescField[];

/** Limit on the length of a path: codecs convert nested messages by recursion. */
const MAX_DEPTH = 32;

/** Returns the field with a name of the `.proto` file, or else with a name of ProtoJSON; undefined for none. */
export function fieldNamed(type: DescMessage, name: string): DescField | undefined {
  const { byName, byJsonName } = namesOf(type);
  return byName.get(name) ?? byJsonName.get(name);
}

interface Names {
  readonly byName: ReadonlyMap<string, DescField>;
  readonly byJsonName: ReadonlyMap<string, DescField>;
}

const known = new WeakMap<DescMessage, Names>();

function namesOf(type: DescMessage): Names {
  let names = known.get(type);
  if (names === undefined) {
    names = {
      byName: new Map(type.fields.map((field) => [field.name, field])),
      byJsonName: new Map(type.fields.map((field) => [field.jsonName, field])),
    };
    known.set(type, names);
  }
  return names;
}

/**
 * Returns the fields that names lead to. Throws Error, with the text of what is wrong, when a field does not exist or is
 * not in a single message.
 */
export function resolveFieldPath(type: DescMessage, names: readonly string[]): FieldPath {
  if (names.length > MAX_DEPTH) throw new Error(`more than ${MAX_DEPTH} names in a path of fields`);
  const path: DescField[] = [];
  let inside: DescMessage | undefined = type;
  for (const name of names) {
    if (inside === undefined) {
      const { parent, name: last } = path[path.length - 1];
      throw new Error(`${parent.typeName}.${last} is not a single message`);
    }
    const field = fieldNamed(inside, name);
    if (field === undefined) throw new Error(`${inside.typeName} has no field ${shown(name)}`);
    path.push(field);
    inside = field.fieldKind === "message" ? field.message : undefined;
  }
  return path;
}

function shown(name: string): string {
  return JSON.stringify(name.slice(0, 100));
}

/** Whether `path` leads to the same field as `other`, or into or around it. */
export function overlaps(path: FieldPath, other: FieldPath): boolean {
  const length = Math.min(path.length, other.length);
  for (let i = 0; i < length; i++) if (path[i] !== other[i]) return false;
  return true;
}

/**
 * Calls `set` with the message that holds the last field of a path, which is created with those around it. Each message
 * is stored after it was changed.
 */
export function withParent(
  message: Message,
  type: DescMessage,
  path: FieldPath,
  set: (parent: ReflectMessage) => void,
): void {
  const way: ReflectMessage[] = [reflect(type, message as never)];
  for (const field of path.slice(0, -1)) {
    way.push(way[way.length - 1].get(field) as ReflectMessage);
  }
  set(way[way.length - 1]);
  for (let i = way.length - 1; i > 0; i--) way[i - 1].set(path[i - 1], way[i]);
}

/** Returns the value of the field that a path leads to; undefined when it, or a message around it, is not set. */
export function valueAt(message: Message, type: DescMessage, path: FieldPath): unknown {
  let value: unknown = reflect(type, message as never);
  for (const field of path) {
    if (!isReflectMessage(value) || !value.isSet(field)) return undefined;
    value = value.get(field);
  }
  return value;
}

/** Whether two values of one field, which is not repeated, are the same. */
export function isSameValue(a: unknown, b: unknown): boolean {
  if (isReflectMessage(a)) return isReflectMessage(b) && equals(a.desc, a.message, b.message);
  if (!(a instanceof Uint8Array)) return a === b;
  return b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
}
