/**
 * Which values numeric options may have, and the one check of them.
 *
 * @module
 */

/** What an option may be: from `least` to `most`, and whether whole numbers only. */
export interface Range {
  /** The smallest value allowed. */
  readonly least: number;
  /** The largest value allowed; Infinity when there is no bound, or when the option may be "never". */
  readonly most: number;
  /** Whether fractions are refused. Infinity counts as whole. */
  readonly whole: boolean;
}

type NumberNames<T> = {
  [K in keyof T]-?: T[K] extends number | undefined ? K : never;
}[keyof T];

/** A range for each numeric option of `T`: one that is forgotten is a type error. */
export type Ranges<T> = Readonly<Record<NumberNames<T>, Range>>;

/** The largest count, size or window: 2³¹−1, HTTP/2's bound of windows and stream identifiers. */
export const MAX_COUNT = 0x7fffffff;

/** The range of what is counted. */
export function whole(least: number, most: number = MAX_COUNT): Range {
  return { least, most, whole: true };
}

/** The range of what is measured, times above all: fractions are fine, and so is Infinity unless `most` says less. */
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
  // NaN is neither above nor below anything.
  const within = typeof value === "number" && value >= least && value <= most;
  if (within && (!range.whole || value === Infinity || Number.isInteger(value))) return;
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  const bounds = most === Infinity ? `${least} or more` : `${least} to ${most}`;
  throw new RangeError(
    `Cannot use ${name} ${shown}: it must be ${range.whole ? "a whole number, " : ""}${bounds}`,
  );
}

/** Throws TypeError that names the option and the values it may have, unless `value` is one of them. */
export function checkOneOf(name: string, value: unknown, known: readonly string[]): void {
  if (known.includes(value as string)) return;
  const shown = typeof value === "string" ? JSON.stringify(value) : String(value);
  const most = known.length - 1;
  throw new TypeError(
    `Cannot use ${name} ${shown}: it must be ${known.slice(0, most).join(", ")} or ${known[most]}`,
  );
}
