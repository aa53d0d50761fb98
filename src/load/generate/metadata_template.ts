/**
 * Metadata of calls with variables: `{{request}}`, `{{worker}}`, `{{time}}`, `{{uuid}}` and `{{random}}`.
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
  request: ({ sequence, worker, workers }) => String(sequence * workers + worker),
  worker: ({ worker }) => String(worker),
  time: () => new Date().toISOString(),
  uuid: () => crypto.randomUUID(),
  random: () => String(Math.floor(Math.random() * 2 ** 32)),
};
const VARIABLE = /\{\{\s*([^{}]*?)\s*\}\}/g;

/** Names of the variables. */
export const VARIABLE_NAMES: readonly string[] = Object.keys(VARIABLES);

/** Returns the name of a variable that does not exist; undefined if all do. */
export function unknownVariable(text: string): string | undefined {
  for (const [, name] of text.matchAll(VARIABLE)) {
    if (!Object.hasOwn(VARIABLES, name)) return name;
  }
  return undefined;
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
  return text.replace(VARIABLE, (_, name: string) => VARIABLES[name](call));
}
