/**
 * Faults of types, and the methods whose messages can contain these types.
 *
 * @module
 */

import type { DescMethod, FileRegistry } from "@bufbuild/protobuf";

/** Reasons why types, methods and services can't be used; the first reason of each name is kept. */
export class Faults {
  readonly #types = new Map<string, string>();
  readonly #methods = new Map<string, string>();

  /** Full names of messages and enums → reason. */
  get types(): ReadonlyMap<string, string> {
    return this.#types;
  }

  /** `/package.Service/Method`, or the full name of a service, → reason. */
  get methods(): ReadonlyMap<string, string> {
    return this.#methods;
  }

  /** Adds the fault of a message or enum. */
  addType(name: string, reason: string): void {
    if (!this.#types.has(name)) this.#types.set(name, reason);
  }

  /** Adds the fault of a method (`/package.Service/Method`) or of a whole service. */
  addMethod(name: string, reason: string): void {
    if (!this.#methods.has(name)) this.#methods.set(name, reason);
  }

  /**
   * Copies the fault of each type to the messages that can contain the type, and to the methods that use these
   * messages.
   */
  spread(registry: FileRegistry): void {
    if (this.#types.size === 0) return;
    const containers = containersOf(registry);
    const open = [...this.#types.keys()];
    for (let name = open.pop(); name !== undefined; name = open.pop()) {
      const reason = this.#types.get(name)!;
      for (const container of containers.get(name) ?? []) {
        if (this.#types.has(container)) continue;
        this.#types.set(container, reason);
        open.push(container);
      }
    }
    for (const desc of registry) {
      if (desc.kind !== "service") continue;
      for (const method of desc.methods) {
        const reason = this.#types.get(method.input.typeName) ??
          this.#types.get(method.output.typeName);
        if (reason !== undefined) this.addMethod(pathOf(method), reason);
      }
    }
  }
}

/** `/package.Service/Method`. */
export function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** Full name of a type → the messages with a field of this type. */
function containersOf(registry: FileRegistry): ReadonlyMap<string, readonly string[]> {
  const containers = new Map<string, string[]>();
  for (const desc of registry) {
    if (desc.kind !== "message") continue;
    for (const field of desc.fields) {
      const inner = field.message?.typeName ?? field.enum?.typeName;
      if (inner === undefined) continue;
      const known = containers.get(inner);
      if (known === undefined) containers.set(inner, [desc.typeName]);
      else known.push(desc.typeName);
    }
  }
  return containers;
}
