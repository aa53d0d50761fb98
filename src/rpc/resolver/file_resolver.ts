/**
 * A resolver of addresses in a file, which it reads again when the file changes.
 *
 * @module
 */

import { readFile, stat } from "node:fs/promises";
import { textOf } from "../../errors.ts";
import type { NameResolver, ResolverContext, ResolverTarget, ResolverUpdate } from "./types.ts";
import { pause } from "./waiting.ts";

/** Options of {@link fileResolver}. */
export interface FileResolverOptions {
  /** Interval at which the file is looked at, in ms; 1 or more. Default 1,000. */
  readonly intervalMs?: number;
}

/**
 * Makes a resolver of targets `scheme:path` and `scheme:///absolute/path`. The file is JSON: a list of addresses, or an
 * object with `addresses` and perhaps `serviceConfig`. An address is a text, or an object with `address` and perhaps
 * `weight`. A file that is missing or not valid leaves the addresses in use that were known before. Throws RangeError for an
 * interval below 1.
 */
export function fileResolver(options: FileResolverOptions = {}): NameResolver {
  const { intervalMs = 1_000 } = options;
  if (!(intervalMs >= 1)) {
    throw new RangeError(`Cannot use intervalMs ${intervalMs}: must be at least 1`);
  }
  return { watch: (target, context) => watchFile(pathOf(target), intervalMs, context) };
}

function pathOf({ text, path }: ResolverTarget): string {
  return /^[^:]+:\/{1,3}/.test(text) ? `/${path}` : path;
}

async function* watchFile(
  path: string,
  intervalMs: number,
  context: ResolverContext,
): AsyncGenerator<ResolverUpdate | Error> {
  let seen = "";
  do {
    let version: string;
    try {
      // Follows links: Kubernetes changes mounted files by changing a link.
      const { mtimeMs, size, ino } = await stat(path);
      version = `${mtimeMs} ${size} ${ino}`;
    } catch (error) {
      version = textOf(error);
    }
    if (version === seen) continue;
    seen = version;
    yield await readUpdate(path);
  } while (await pause(intervalMs, context));
}

async function readUpdate(path: string): Promise<ResolverUpdate | Error> {
  try {
    const json = JSON.parse(await readFile(path, "utf8"));
    const update = Array.isArray(json) ? { addresses: json } : json;
    const valid = Array.isArray(update?.addresses) && update.addresses.every(isAddress);
    if (!valid) return new Error(`${path} has no list of addresses`);
    return { addresses: update.addresses, serviceConfig: update.serviceConfig };
  } catch (cause) {
    return new Error(`Cannot read ${path}: ${textOf(cause)}`, { cause });
  }
}

function isAddress(value: unknown): boolean {
  if (typeof value === "string") return true;
  const { address, weight = 1 } = (value ?? {}) as { address?: unknown; weight?: unknown };
  return typeof address === "string" && Number.isInteger(weight) && (weight as number) > 0;
}
