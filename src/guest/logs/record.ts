/**
 * Log records in the form in which they are sent.
 *
 * @module
 */

import type { LogLevel, LogRecord } from "@logtape/logtape";
import { printableError, textOfValue } from "../../call/printable.ts";

/** Fields of a `vrpc.guest.v1.LogRecord`. */
export interface SentRecord {
  /** Time of the guest's clock, in ms since 1970. */
  readonly timestampMs: number;
  /** Level. */
  readonly level: string;
  /** Category, from the outside in. */
  readonly category: string[];
  /** Text with its values. */
  readonly message: string;
  /** Text with the names of its values. */
  readonly template: string;
  /** JSON object with the values; empty for none. */
  readonly properties: string;
}

/** Longest text of a record's message and of its properties, in UTF-16 units. */
export const MAX_TEXT_CHARS = 16_384;
const MAX_TEMPLATE_CHARS = 1_024;
const MAX_CATEGORY = 16;
const MAX_CATEGORY_CHARS = 128;

/** Levels of LogTape. */
export const LEVELS: readonly LogLevel[] = [
  "trace",
  "debug",
  "info",
  "warning",
  "error",
  "fatal",
];

/** Converts a record of LogTape. Never throws. */
export function sentRecord(record: LogRecord): SentRecord {
  const { rawMessage } = record;
  const template = typeof rawMessage === "string" ? rawMessage : rawMessage.join("{}");
  return {
    timestampMs: record.timestamp,
    level: record.level,
    category: record.category.slice(0, MAX_CATEGORY).map((one) => cut(one, MAX_CATEGORY_CHARS)),
    message: cut(record.message.map(shown).join(""), MAX_TEXT_CHARS),
    template: cut(template, MAX_TEMPLATE_CHARS),
    properties: json(record.properties),
  };
}

/** Size of a record in memory, in bytes, about. */
export function sizeOf({ message, template, properties, category }: SentRecord): number {
  const chars = message.length + template.length + properties.length;
  return 200 + 2 * (chars + category.reduce((sum, one) => sum + one.length, 0));
}

function cut(text: string, chars: number): string {
  return text.length <= chars ? text : `${text.slice(0, chars - 1)}…`;
}

function shown(value: unknown): string {
  if (typeof value === "string") return value;
  if (value instanceof Error) return printableError(value);
  return typeof value === "object" && value !== null ? json(value) : textOfValue(value);
}

/** Returns JSON; a text in place of values that have none, and an empty text for what is too long or broken. */
function json(value: object): string {
  const seen = new Set<unknown>();
  try {
    const text = JSON.stringify(value, (_, one) => {
      if (typeof one === "bigint") return `${one}`;
      if (one instanceof Error) return printableError(one);
      if (typeof one !== "object" || one === null) return one;
      if (seen.has(one)) return "[seen before]";
      seen.add(one);
      return one;
    });
    return text === undefined || text === "{}" || text.length > MAX_TEXT_CHARS ? "" : text;
  } catch {
    // A getter or toJSON of the application throws.
    return "";
  }
}
