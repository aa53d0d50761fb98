/**
 * Compressions of messages, by their names on the wire.
 *
 * @module
 */

import { findBuiltinModule } from "../bytes/builtin_module.ts";

/** Compression of messages: a value of `grpc-encoding` and `content-encoding`. */
export type Encoding = "gzip" | "zstd" | "br" | "deflate" | "snappy";

/** Part of the global `process` of Deno, Node and Bun; browsers have none. */
interface RuntimeProcess {
  readonly versions?: Readonly<Record<string, string | undefined>>;
}

const { process } = globalThis as unknown as { process?: RuntimeProcess };
// Every supported Deno has zstd, and takes 20 ms to load the module.
const zlib = process?.versions?.deno === undefined ? findBuiltinModule("node:zlib") : undefined;
const lacksZstd = zlib !== undefined && !("zstdCompressSync" in zlib);
const present = (encodings: readonly Encoding[]) =>
  lacksZstd ? encodings.filter((name) => name !== "zstd") : encodings;

/** All compressions that the runtime has: Node lacks zstd before version 22.15. */
export const KNOWN_ENCODINGS: readonly Encoding[] = present([
  "gzip",
  "zstd",
  "deflate",
  "snappy",
  "br",
]);

/**
 * Compressions of peers that name none, by preference. Without Brotli: Deno 2.9.6 leaks 16 KiB with each message of it
 * that is corrupt. Without deflate: its messages do not declare their length, so that a bomb of 4 KiB has to be inflated up
 * to the limit, which takes 8 ms.
 */
export const ENCODINGS: readonly Encoding[] = present(["gzip", "zstd", "snappy"]);

/** Value of `grpc-accept-encoding` and `accept-encoding` for a list of compressions. */
export function encodingList(encodings: readonly Encoding[]): string {
  return ["identity", ...encodings].join(",");
}

const KNOWN: ReadonlySet<string> = new Set(KNOWN_ENCODINGS);

/** Whether a name is that of a compression; `identity` is none. */
export function isEncoding(name: string): name is Encoding {
  return KNOWN.has(name);
}

/** Whether messages may have this encoding: one of `accepted`, or `identity`. */
export function acceptsEncoding(accepted: readonly Encoding[], encoding: string): boolean {
  return encoding === "identity" || offers(accepted, encoding);
}

/** Whether `encoding` is one of those that were offered to a peer. */
export function offers(offered: readonly Encoding[], encoding: string): boolean {
  return (offered as readonly string[]).includes(encoding);
}

/** Text of the error of a message in an encoding that was not offered. */
export function notOffered(encoding: string, offered: readonly Encoding[]): string {
  return `Cannot decompress ${JSON.stringify(encoding)}: ${encodingList(offered)} were offered`;
}

// The last choice: callers of a server mostly send the same list.
let last: { preferred: readonly Encoding[]; accepted: string; chosen: Encoding | undefined } = {
  preferred: [],
  accepted: "",
  chosen: undefined,
};

/**
 * Returns the first of `preferred` in the list of a peer, which may have weights; undefined if it accepts none of them
 * (RFC 9110 §12.5.3).
 */
export function chooseEncoding(
  preferred: readonly Encoding[],
  accepted: string,
): Encoding | undefined {
  if (last.preferred === preferred && last.accepted === accepted) return last.chosen;
  const names = new Set<string>();
  for (const part of accepted.split(",")) {
    const [name, ...parameters] = part.trim().toLowerCase().split(/\s*;\s*/);
    if (!parameters.some((text) => /^q=0(?:\.0*)?$/.test(text))) names.add(name);
  }
  const chosen = preferred.find((encoding) => names.has(encoding));
  last = { preferred, accepted, chosen };
  return chosen;
}
