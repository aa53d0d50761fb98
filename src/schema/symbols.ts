/**
 * Full names of messages and enums, and placeholders for those that are referred to and missing.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import {
  DescriptorProtoSchema,
  EnumDescriptorProtoSchema,
  EnumValueDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from "@bufbuild/protobuf/wkt";

/** What a full name stands for: `map` is the entry of a map field, which nothing else may refer to. */
export type TypeKind = "message" | "enum" | "map";

/** Definition of a type. */
export interface TypeSymbol {
  /** Full name without a leading dot. */
  readonly name: string;
  readonly kind: TypeKind;
  readonly file: FileDescriptorProto;
}

/**
 * Longest full name, in characters. The name of an outer type is part of every inner name, so without a bound a few long
 * names fill the memory.
 */
const MAX_NAME_CHARS = 512;
const IDENTIFIER = /^[A-Za-z0-9_]+$/;
/** Most parts of a full name are 32: a relative reference is searched for in every scope around it. */
const FULL_NAME = /^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+){0,31}$/;
/** Begins the names of placeholders for types whose own name can't be used. */
const NAMELESS = "vrpc.schema.Nameless";

/** Whether a text is one identifier, as protoc takes it. */
export function isIdentifier(text: string): boolean {
  return text.length <= MAX_NAME_CHARS && IDENTIFIER.test(text);
}

/** Whether a text is a full name: identifiers with dots between them, of at most 32 parts. */
export function isFullName(text: string): boolean {
  return text.length <= MAX_NAME_CHARS && FULL_NAME.test(text);
}

/** Appends a name to its scope, which may be empty. */
export function inScope(scope: string, name: string): string {
  return scope === "" ? name : `${scope}.${name}`;
}

/** The types of all files so far. */
export class Symbols {
  readonly #types: Map<string, TypeSymbol>;
  readonly #claimed: Set<string>;
  readonly #placeholders = new Map<string, "message" | "enum">();

  /** Begins with the types of `others`. */
  constructor(others?: Symbols) {
    this.#types = new Map(others && others.#types);
    this.#claimed = new Set(others && others.#claimed);
  }

  /** Adds a type; false when the name is taken, or is no name. */
  add(symbol: TypeSymbol): boolean {
    if (!this.claim(symbol.name)) return false;
    this.#types.set(symbol.name, symbol);
    return true;
  }

  /** Takes a name for a service or an extension, which share their names with types; false as for `add`. */
  claim(name: string): boolean {
    if (this.#claimed.has(name) || !isFullName(name) || name.startsWith(NAMELESS)) return false;
    this.#claimed.add(name);
    return true;
  }

  /**
   * Finds the type that `reference` means within `scope`: a full name with a leading dot, or a relative one that is
   * searched from the innermost scope outwards (descriptor.proto, `type_name`).
   */
  find(scope: string, reference: string): TypeSymbol | undefined {
    // No name is longer; the dot is not part of it.
    if (reference.length > MAX_NAME_CHARS + 1) return undefined;
    if (reference.startsWith(".")) return this.#types.get(reference.slice(1));
    for (let around = scope;;) {
      const found = this.#types.get(inScope(around, reference));
      if (found !== undefined || around === "") return found;
      around = around.slice(0, Math.max(0, around.lastIndexOf(".")));
    }
  }

  /** Puts an empty type in the place of a missing one. Returns its full name. */
  placeholder(reference: string, kind: "message" | "enum"): string {
    const wanted = reference.replace(/^\./, "");
    const taken = this.#placeholders.get(wanted);
    const usable = isFullName(wanted) && !this.#claimed.has(wanted);
    const name = usable && (taken ?? kind) === kind
      ? wanted
      : `${NAMELESS}${this.#placeholders.size}`;
    this.#placeholders.set(name, kind);
    return name;
  }

  /** Files with the placeholders; they import nothing. */
  placeholderFiles(): FileDescriptorProto[] {
    const files = new Map<string, FileDescriptorProto>();
    for (const [full, kind] of this.#placeholders) {
      const at = full.lastIndexOf(".");
      const scope = full.slice(0, Math.max(0, at));
      const name = full.slice(at + 1);
      let file = files.get(scope);
      if (file === undefined) {
        file = create(FileDescriptorProtoSchema, {
          name: `vrpc/missing/${scope}.proto`,
          package: scope,
          syntax: "proto3",
        });
        files.set(scope, file);
      }
      if (kind === "message") file.messageType.push(create(DescriptorProtoSchema, { name }));
      else file.enumType.push(create(EnumDescriptorProtoSchema, { name, value: [ZERO] }));
    }
    return [...files.values()];
  }
}

/** Value of an enum without values, which could have no default. */
export const ZERO = create(EnumValueDescriptorProtoSchema, { name: "UNKNOWN", number: 0 });
