/**
 * Modules of the runtime that are loaded by their first use, because a start would wait for them.
 *
 * @module
 */

/** Types of the modules by their names. */
interface BuiltinModules {
  "node:buffer": typeof import("node:buffer");
  "node:crypto": typeof import("node:crypto");
  "node:fs": typeof import("node:fs");
  "node:worker_threads": typeof import("node:worker_threads");
  "node:zlib": typeof import("node:zlib");
}

/** Part of the global `process` of Deno, Node and Bun; browsers have none. */
interface RuntimeProcess {
  getBuiltinModule?<Name extends keyof BuiltinModules>(
    name: Name,
  ): BuiltinModules[Name] | undefined;
}

/**
 * Returns a module of the runtime, and loads it if it was not used before; undefined where there is none. An import
 * would load it with the program, and a browser could not load a module with such an import.
 */
export function findBuiltinModule<Name extends keyof BuiltinModules>(
  name: Name,
): BuiltinModules[Name] | undefined {
  const { process } = globalThis as unknown as { process?: RuntimeProcess };
  return process?.getBuiltinModule?.(name);
}

/** Returns the same module. Throws an Error where there is none. */
export function builtinModule<Name extends keyof BuiltinModules>(name: Name): BuiltinModules[Name] {
  const found = findBuiltinModule(name);
  if (found === undefined) throw new Error(`Cannot load ${name}: the runtime has no such module`);
  return found;
}
