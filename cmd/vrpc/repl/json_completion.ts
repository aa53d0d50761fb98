/**
 * Completion inside the JSON of a message: names of fields, values of enums, openings of messages and lists.
 *
 * @module
 */

import type { DescEnum, DescField, DescMessage } from "@bufbuild/protobuf";

/** Continuations of a text, and the part of it that they replace. */
export interface Completions {
  readonly words: readonly string[];
  /** End of the text that each word takes the place of; empty between words. */
  readonly typed: string;
}

/** Type of a value: a message, an enum, a boolean, or one with nothing to suggest. */
type ValueType = DescMessage | DescEnum | "bool" | undefined;

/** Object or list that is open at the cursor. */
interface Frame {
  readonly isList: boolean;
  /** Message whose fields are the keys of an object. */
  readonly message?: DescMessage;
  /** Type of the elements of a list, or of the values of a map. */
  readonly element?: ValueType;
  /** What comes next in an object: a key, or the value of `field`. */
  expects: "key" | "value" | "comma";
  field?: DescField;
  readonly keys: Set<string>;
}

const NOTHING: Completions = { words: [], typed: "" };

/** Types whose JSON is not an object with their fields. */
const OWN_JSON =
  /^google\.protobuf\.(Any|Duration|FieldMask|ListValue|Struct|Timestamp|Value|\w+Value)$/;

/** Completes `text`, the JSON of a `message` up to the cursor. */
export function completeJson(message: DescMessage, text: string): Completions {
  const frames: Frame[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text[at];
    if (/[\s,:]/.test(char)) {
      passMark(frames.at(-1), char);
      at++;
    } else if (char === "{" || char === "[") {
      frames.push(opened(char, valueType(frames.at(-1), message), frames.at(-1)));
      at++;
    } else if (char === "}" || char === "]") {
      frames.pop();
      passValue(frames.at(-1));
      at++;
    } else {
      const end = char === '"' ? endOfText(text, at) : endOfWord(text, at);
      if (end === undefined) return suggestions(frames.at(-1), message, text.slice(at));
      passWord(frames.at(-1), text.slice(at, end));
      at = end;
    }
  }
  return suggestions(frames.at(-1), message, "");
}

function passMark(frame: Frame | undefined, mark: string): void {
  if (frame === undefined || !/[,:]/.test(mark)) return;
  if (mark === ":") frame.expects = "value";
  else if (!frame.isList) frame.expects = "key";
  else frame.expects = "value";
}

function passValue(frame: Frame | undefined): void {
  if (frame !== undefined) frame.expects = "comma";
}

function passWord(frame: Frame | undefined, word: string): void {
  if (frame === undefined || frame.expects !== "key") return passValue(frame);
  const name = word.replace(/^"|"$/g, "");
  frame.keys.add(name);
  frame.field = frame.message?.fields.find((one) => one.jsonName === name || one.name === name);
}

function opened(bracket: string, type: ValueType, parent: Frame | undefined): Frame {
  const keys = new Set<string>();
  if (bracket === "[") {
    const element = parent?.field?.fieldKind === "list" ? elementOf(parent.field) : undefined;
    return { isList: true, element, expects: "value", keys };
  }
  const { field } = parent ?? {};
  if (field?.fieldKind === "map" && !parent!.isList) {
    return { isList: false, element: elementOf(field), expects: "key", keys };
  }
  return { isList: false, message: messageOf(type), expects: "key", keys };
}

/** Returns the type of the value at the cursor; `root` outside all brackets. */
function valueType(frame: Frame | undefined, root: DescMessage): ValueType {
  if (frame === undefined) return root;
  if (frame.isList || frame.message === undefined) return frame.element;
  const { field } = frame;
  return field?.fieldKind === "list" || field?.fieldKind === "map" ? undefined : elementOf(field);
}

function elementOf(field: DescField | undefined): ValueType {
  return field?.message ?? field?.enum ?? (field?.scalar === BOOL ? "bool" : undefined);
}

/** `ScalarType.BOOL`. */
const BOOL = 8;

function messageOf(type: ValueType): DescMessage | undefined {
  if (typeof type !== "object" || type.kind !== "message") return undefined;
  return OWN_JSON.test(type.typeName) ? undefined : type;
}

function suggestions(frame: Frame | undefined, root: DescMessage, typed: string): Completions {
  if (frame?.expects === "comma") return NOTHING;
  const words = frame?.expects === "key"
    ? keysOf(frame).map((name) => `"${name}": `)
    : valuesOf(frame, root);
  const start = typed.replace(/^"/, "");
  return { words: words.filter((word) => word.replace(/^"/, "").startsWith(start)), typed };
}

function keysOf({ message, keys }: Frame): string[] {
  const fields = message?.fields ?? [];
  return fields.filter(({ jsonName, name }) => !keys.has(jsonName) && !keys.has(name))
    .map(({ jsonName }) => jsonName);
}

function valuesOf(frame: Frame | undefined, root: DescMessage): string[] {
  if (frame !== undefined && !frame.isList) {
    if (frame.field?.fieldKind === "list") return ["["];
    if (frame.field?.fieldKind === "map") return ["{"];
  }
  const type = valueType(frame, root);
  if (type === "bool") return ["true", "false"];
  if (type === undefined) return [];
  if (type.kind === "enum") return type.values.map(({ name }) => `"${name}"`);
  return messageOf(type) === undefined ? [] : ["{"];
}

/** Returns the position after a text in quotes; undefined for one that is not closed. */
function endOfText(text: string, from: number): number | undefined {
  for (let at = from + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at + 1;
  }
  return undefined;
}

/** Returns the position after a word; undefined for one that the text ends in. */
function endOfWord(text: string, from: number): number | undefined {
  const length = text.slice(from).search(/[\s,:{}[\]"]/);
  return length < 0 ? undefined : from + Math.max(1, length);
}
