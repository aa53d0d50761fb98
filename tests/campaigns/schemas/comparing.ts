// Comparisons of decoded messages, and of the errors instead of them.

import assert from "node:assert/strict";

const MAX_TEXT = 400;

/** Returns what a function returns, or the Error that it throws. */
export function attempt<T>(run: () => T): T | Error {
  try {
    return run();
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
}

/** Whether two values are deeply equal, with 0 and -0 apart. */
export function equal(one: unknown, other: unknown): boolean {
  try {
    assert.deepEqual(one, other);
    return true;
  } catch {
    return false;
  }
}

/** Says where two values differ first. */
export function differenceOf(one: unknown, other: unknown, path = ""): string {
  if (!(one instanceof Error || other instanceof Error) && isObject(one) && isObject(other)) {
    for (const key of new Set([...Object.keys(one), ...Object.keys(other)])) {
      if (!equal(one[key], other[key])) return differenceOf(one[key], other[key], `${path}.${key}`);
    }
  }
  return `${path}: ${textOf(one)} and ${textOf(other)}`;
}

function textOf(value: unknown): string {
  const text = value instanceof Error ? value.message : Deno.inspect(value, { breakLength: 200 });
  return text.slice(0, MAX_TEXT);
}

/** Whether a value is an object. */
export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

/** A value with 0 for -0. */
export function unsigned(value: unknown): unknown {
  if (value === 0) return 0;
  if (Array.isArray(value)) return value.map(unsigned);
  if (!isObject(value) || value instanceof Uint8Array || value instanceof Error) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, unsigned(item)]));
}
