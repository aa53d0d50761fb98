/**
 * Request as JSON with variables, such as `{"id": {{request}}, "name": "{{name}}"}`.
 *
 * @module
 */

import {
  type CallNumber,
  isVariable,
  splitAtVariables,
  unknownVariable,
  valueOf,
} from "./variables.ts";

/** Row of a data file: values by column. */
export type Row = Readonly<Record<string, string>>;

/** Template that can be filled in. */
export interface RequestTemplate {
  /** Whether it has variables that differ from call to call, beside columns of a row. */
  readonly changes: boolean;
  /** Whether it has columns of a row. */
  readonly hasColumns: boolean;
  /** Returns the JSON of a call. */
  fill(call: CallNumber, row: Row): string;
}

/**
 * Parses a template. Within a JSON string a value is escaped. Elsewhere it stands as it is if it is JSON, such as a number,
 * and otherwise becomes a string. Throws TypeError for a name that is neither a variable nor one of `columns`.
 */
export function parseTemplate(text: string, columns: readonly string[] = []): RequestTemplate {
  const unknown = unknownVariable(text, columns);
  if (unknown !== undefined) throw new TypeError(`no variable {{${unknown}}}`);
  const parts = splitAtVariables(text);
  const quoted = insideStrings(parts);
  const names = parts.filter((_, i) => i % 2 === 1);
  const isColumn = (name: string) => columns.includes(name);
  const part = (i: number, call: CallNumber, row: Row) => {
    if (i % 2 === 0) return parts[i];
    const value = isColumn(parts[i]) ? row[parts[i]] ?? "" : valueOf(parts[i], call);
    return quoted[i] ? JSON.stringify(value).slice(1, -1) : bare(value);
  };
  return {
    changes: names.some((name) => !isColumn(name) && isVariable(name)),
    hasColumns: names.some(isColumn),
    fill(call, row) {
      let json = "";
      for (let i = 0; i < parts.length; i++) json += part(i, call, row);
      return json;
    },
  };
}

/** Returns for each part whether a JSON string is open at its start. */
function insideStrings(parts: readonly string[]): boolean[] {
  let open = false;
  return parts.map((part, i) => {
    const atStart = open;
    if (i % 2 === 0) {
      for (let at = 0; at < part.length; at++) {
        if (part[at] === '"') open = !open;
        else if (part[at] === "\\" && open) at++;
      }
    }
    return atStart;
  });
}

function bare(value: string): string {
  try {
    JSON.parse(value);
    return value;
  } catch {
    return JSON.stringify(value);
  }
}
