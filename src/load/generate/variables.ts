/**
 * Metadata and requests with variables: `{{request}}`, `{{worker}}`, `{{time}}`, `{{uuid}}` and `{{random}}`.
 *
 * @module
 */

/** Key and value; the value of a `-bin` key is base64. */
export type MetadataEntry = readonly [key: string, value: string];

/** What a variable may depend on. */
export interface CallNumber {
  /** Number of the call in its worker, from 0. */
  readonly sequence: number;
  /** Number of the worker, from 0. */
  readonly worker: number;
  /** Number of workers. */
  readonly workers: number;
}

/** Variables by name, and how each is computed. */
const VARIABLES: Record<string, (call: CallNumber) => string> = {
  request: (call) => String(requestNumber(call)),
  worker: ({ worker }) => String(worker),
  time: () => new Date().toISOString(),
  uuid: () => crypto.randomUUID(),
  random: () => String(Math.floor(Math.random() * 2 ** 32)),
};
const VARIABLE = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** Names of the variables. */
export const VARIABLE_NAMES: readonly string[] = Object.keys(VARIABLES);

/** Returns the name of a variable that does not exist, neither here nor in `more`; undefined if all do. */
export function unknownVariable(text: string, more: readonly string[] = []): string | undefined {
  for (const [, name] of text.matchAll(VARIABLE)) {
    if (!isVariable(name) && !more.includes(name)) return name;
  }
  return undefined;
}

/** Whether `name` is a variable of every call. */
export function isVariable(name: string): boolean {
  return Object.hasOwn(VARIABLES, name);
}

/** Returns the value of a variable. */
export function valueOf(name: string, call: CallNumber): string {
  return VARIABLES[name](call);
}

/** Returns the number of a call among all workers, from 0. */
export function requestNumber({ sequence, worker, workers }: CallNumber): number {
  return sequence * workers + worker;
}

/** Splits a text at its variables: text at even positions, names at odd ones. */
export function splitAtVariables(text: string): string[] {
  return text.split(VARIABLE);
}

/** Returns a function that makes the metadata of a call; without variables it is made once. */
export function metadataOf<Made>(
  entries: readonly MetadataEntry[],
  make: (entries: readonly MetadataEntry[]) => Made,
): (call: CallNumber) => Made {
  if (!entries.some(([, value]) => value.search(VARIABLE) >= 0)) {
    const made = make(entries);
    return () => made;
  }
  return (call) => make(entries.map(([key, value]) => [key, filled(value, call)]));
}

function filled(text: string, call: CallNumber): string {
  return text.replace(VARIABLE, (_, name: string) => valueOf(name, call));
}
