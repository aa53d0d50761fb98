/**
 * Full names of messages and enums, and placeholders for types that are referenced but missing.
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

/** Kind of a type; `map` is the entry message of a map field, which only that field may reference. */
export type TypeKind = "message" | "enum" | "map";

/** Definition of a type. */
export interface TypeSymbol {
  /** Full name without a leading dot. */
  readonly name: string;
  readonly kind: TypeKind;
  readonly file: FileDescriptorProto;
}

/**
 * Longest full name, in characters. The name of an outer type is part of every inner name, so without a bound a few
 * long names could fill the memory.
 */
const MAX_NAME_CHARS = 512;
const IDENTIFIER = /^[A-Za-z0-9_]+$/;
/** Full name of at most 32 parts: a relative reference is searched for in every scope around it. */
const FULL_NAME = /^[A-Za-z0-9_]+(\.[A-Za-z0-9_]+){0,31}$/;
/** Prefix of placeholder names for missing types whose own name can't be used. */
const NAMELESS = "vrpc.schema.Nameless";

/** Whether a text is an identifier of at most 512 letters, digits and underscores, as protoc accepts it. */
export function isIdentifier(text: string): boolean {
  return text.length <= MAX_NAME_CHARS && IDENTIFIER.test(text);
}

/** Whether a text is a full name: at most 32 identifiers separated by dots, and at most 512 characters. */
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

  /** Starts with the types of `others`, if given. */
  constructor(others?: Symbols) {
    this.#types = new Map(others && others.#types);
    this.#claimed = new Set(others && others.#claimed);
  }

  /** Adds a type; returns false if its name is taken or invalid. */
  add(symbol: TypeSymbol): boolean {
    if (!this.claim(symbol.name)) return false;
    this.#types.set(symbol.name, symbol);
    return true;
  }

  /**
   * Reserves the name of a service or extension, which share one namespace with types; false if it is taken or invalid.
   */
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
    // No name is longer than this; the leading dot is not part of a name.
    if (reference.length > MAX_NAME_CHARS + 1) return undefined;
    if (reference.startsWith(".")) return this.#types.get(reference.slice(1));
    for (let around = scope;;) {
      const found = this.#types.get(inScope(around, reference));
      if (found !== undefined || around === "") return found;
      around = around.slice(0, Math.max(0, around.lastIndexOf(".")));
    }
  }

  /** Creates an empty type in place of a missing one. Returns the full name of the placeholder. */
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

  /** Returns files that define the placeholders and have no imports. */
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

/** Value given to an enum without valid values, because an enum needs a default. */
export const ZERO = create(EnumValueDescriptorProtoSchema, { name: "UNKNOWN", number: 0 });
