/**
 * Metadata of the command line.
 *
 * @module
 */

import { Metadata } from "../../mod.ts";
import { errorLine, UsageError } from "../shared/program.ts";

/** Reads entries of the form `key:value`. Throws {@link UsageError}. */
export function readMetadata(entries: readonly string[]): Metadata {
  const metadata = new Metadata();
  for (const entry of entries) {
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
  return metadata;
}

function bytesOf(entry: string, base64: string): Uint8Array {
  try {
    return Uint8Array.fromBase64(base64);
  } catch {
    throw new UsageError(`Cannot use metadata ${entry}: the value of a -bin key must be base64`);
  }
}
