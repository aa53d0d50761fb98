/**
 * Metadata of the calls of a benchmark.
 *
 * @module
 */

import { Metadata } from "../../mod.ts";
import {
  type MetadataEntry,
  metadataOf,
  unknownVariable,
  VARIABLE_NAMES,
} from "../../src/load/generate/variables.ts";
import { errorLine, listed, readTextOption, UsageError } from "../shared/program.ts";

/**
 * Reads entries of the form `key:value`, or `@file` for a file with one entry per line, in which empty lines and those
 * that begin with `#` are skipped. Throws {@link UsageError}.
 */
export async function metadataEntries(texts: readonly string[]): Promise<MetadataEntry[]> {
  const entries: MetadataEntry[] = [];
  for (const text of texts) {
    const lines = text.startsWith("@")
      ? (await readTextOption("--header", text.slice(1))).split(/\r?\n/)
      : [text];
    for (const line of lines) {
      if (line.trim() !== "" && !line.startsWith("#")) entries.push(entryOf(line));
    }
  }
  return entries;
}

function entryOf(text: string): MetadataEntry {
  const colon = text.indexOf(":");
  if (colon < 1) throw new UsageError(`Cannot use metadata ${text}: use the form key:value`);
  const key = text.slice(0, colon).trim().toLowerCase();
  const value = text.slice(colon + 1).trim();
  const unknown = unknownVariable(value);
  if (unknown !== undefined) {
    const names = listed(VARIABLE_NAMES.map((name) => `{{${name}}}`));
    throw new UsageError(`Cannot use metadata ${text}: no variable {{${unknown}}}; use ${names}`);
  }
  check(text, key, value);
  return [key, value];
}

/** A value that no call could have is reported once, before the load. */
function check(text: string, key: string, value: string): void {
  try {
    if (!key.endsWith("-bin")) new Metadata().append(key, value);
    else if (value.includes("{{")) throw new Error("the value of a -bin key takes no variables");
    else new Metadata().append(key, Uint8Array.fromBase64(value));
  } catch (error) {
    throw new UsageError(`Cannot use metadata ${text}: ${errorLine(error)}`);
  }
}

/** Metadata of the calls that read the types; variables have their values of the first call. */
export function metadataForReflection(entries: readonly MetadataEntry[]): Metadata {
  const metadata = new Metadata();
  const first = { sequence: 0, worker: 0, workers: 1 };
  for (const [key, value] of metadataOf(entries, (filled) => filled)(first)) {
    metadata.append(key, key.endsWith("-bin") ? Uint8Array.fromBase64(value) : value);
  }
  return metadata;
}
