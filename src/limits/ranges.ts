/**
 * Ranges of numeric options, and the checks of options that every part of the library shares.
 *
 * @module
 */

import { nearestName } from "./nearest_name.ts";

/** The values that a numeric option may have. */
export interface Range {
  /** The smallest value allowed. */
  readonly least: number;
  /** The largest value allowed; Infinity for no bound. */
  readonly most: number;
  /** Whether fractions are refused. Infinity counts as whole. */
  readonly whole: boolean;
}

type NumberNames<T> = {
  [K in keyof T]-?: T[K] extends number | undefined ? K : never;
}[keyof T];

/** Ranges of all numeric options of `T`; a missing one is a compile-time error. */
export type Ranges<T> = Readonly<Record<NumberNames<T>, Range>>;

/** Defaults of all options of `T`, undefined for "none"; a missing one is a compile-time error. */
export type Defaults<T> = { readonly [K in keyof Required<T>]: T[K] | undefined };

/** The largest count, size or window: 2³¹−1, the bound of windows and stream identifiers (RFC 9113 §6.9.1, §5.1.1). */
export const MAX_COUNT = 0x7fffffff;

/** Returns the range of an option that is a whole number. */
export function whole(least: number, most: number = MAX_COUNT): Range {
  return { least, most, whole: true };
}

/** Returns the range of an option that allows fractions, and Infinity unless `most` is given. */
export function measured(least: number, most: number = Infinity): Range {
  return { least, most, whole: false };
}

/** Throws RangeError, with `prefix` before the option's name, when a given option is out of its range or NaN. */
export function checkRanges<T extends object>(options: T, ranges: Ranges<T>, prefix = ""): void {
  for (const [name, range] of Object.entries<Range>(ranges)) {
    const value = (options as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined) checkRange(prefix + name, value, range);
  }
}

/** Throws RangeError that names the option, its value and its range, unless `value` is a number in `range`. */
export function checkRange(name: string, value: unknown, range: Range): void {
  const { least, most } = range;
  // NaN fails both comparisons, so it counts as out of range.
  const within = typeof value === "number" && value >= least && value <= most;
  if (within && (!range.whole || value === Infinity || Number.isInteger(value))) return;
  const bounds = most === Infinity ? `${least} or more` : `${least} to ${most}`;
  throw new RangeError(
    `Cannot use ${name} ${shown(value)}: it must be ${
      range.whole ? "a whole number, " : ""
    }${bounds}`,
  );
}

/** Throws TypeError that names the option and the values it may have, unless `value` is one of them. */
export function checkOneOf(name: string, value: unknown, known: readonly string[]): void {
  if (known.includes(value as string)) return;
  const most = known.length - 1;
  throw new TypeError(
    `Cannot use ${name} ${shown(value)}: it must be ${known.slice(0, most).join(", ")} or ${
      known[most]
    }`,
  );
}

/**
 * Throws TypeError unless `options` is an object whose names are all in `known`. `what` names the function or option in
 * the error, which suggests the nearest of `candidates`. A name with the value undefined counts as not given.
 */
export function checkNames(
  what: string,
  options: object,
  known: object,
  candidates: Iterable<string> = Object.keys(known),
): void {
  if (typeof options !== "object" || options === null || Array.isArray(options)) {
    throw new TypeError(`Cannot use ${what} ${shown(options)}: it must be an object`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (value === undefined || Object.hasOwn(known, name)) continue;
    const nearest = nearestName(name, candidates);
    const hint = nearest === undefined ? "" : `, did you mean ${nearest}?`;
    throw new TypeError(`Cannot use option ${name}: ${what} has no option of that name${hint}`);
  }
}

/** Throws TypeError that names the option or function `name`, unless all values given to it are functions. */
export function checkFunctions(name: string, values: Iterable<unknown>): void {
  for (const value of values) {
    if (typeof value === "function") continue;
    const kind = value === null ? "null" : `a value of type ${typeof value}`;
    throw new TypeError(`Cannot use ${kind} as ${name}: it must be a function`);
  }
}

function shown(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
