/**
 * Environment variables.
 *
 * @module
 */

/** Returns a variable; undefined if it is not set. Throws if the runtime does not permit to read it. */
export function environmentVariable(name: string): string | undefined {
  return globalThis.process?.env[name];
}
