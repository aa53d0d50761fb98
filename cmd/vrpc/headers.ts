/**
 * Metadata of the command line.
 *
 * @module
 */

import { Metadata } from "../../mod.ts";
import { errorLine, readTextOption, UsageError } from "../shared/program.ts";
import { environment } from "../shared/variables.ts";

/**
 * Reads entries of the form `key:value`, or `@file` for a file with one entry per line, in which empty lines and those
 * that begin with `#` are skipped. With `expand`, `${NAME}` stands for an environment variable. Throws
 * {@link UsageError}.
 */
export async function readMetadata(
  entries: readonly string[],
  expand = false,
): Promise<Metadata> {
  const metadata = new Metadata();
  for (const entry of entries) {
    for (const one of entry.startsWith("@") ? await linesOf(entry.slice(1)) : [entry]) {
      addEntry(metadata, expand ? expanded(one) : one);
    }
  }
  return metadata;
}

async function linesOf(path: string): Promise<string[]> {
  const lines = (await readTextOption("--header", path)).split(/\r?\n/);
  return lines.filter((line) => line.trim() !== "" && !line.startsWith("#"));
}

function expanded(entry: string): string {
  return entry.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = environment(name);
    if (value === undefined) {
      throw new UsageError(`Cannot use metadata ${entry}: the environment has no ${name}`);
    }
    return value;
  });
}

function addEntry(metadata: Metadata, entry: string): void {
  const colon = entry.indexOf(":");
  if (colon < 1) throw new UsageError(`Cannot use metadata ${entry}: use the form key:value`);
  const key = entry.slice(0, colon).trim().toLowerCase();
  const value = entry.slice(colon + 1).trim();
  try {
    metadata.append(key, key.endsWith("-bin") ? bytesOf(entry, value) : value);
  } catch (error) {
    throw new UsageError(errorLine(error));
  }
}

function bytesOf(entry: string, base64: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    throw new UsageError(`Cannot use metadata ${entry}: the value of a -bin key must be base64`);
  }
}
