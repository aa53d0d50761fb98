/**
 * Hashes of calls by the hash policies of their routes (gRPC A42).
 *
 * @module
 */

import type { Metadata } from "../../call/metadata.ts";
import { hashHigh, hashLow, xxh64 } from "../../rpc/balancer/xxh64.ts";
import { headerValue } from "../resources/matchers.ts";
import type { HashPolicy } from "../resources/types.ts";

/** Returns the hash of a call, 64 bits without sign; undefined if no policy gives one. */
export function hashOf(
  policies: readonly HashPolicy[],
  metadata: Metadata | undefined,
  channelId: bigint,
): bigint | undefined {
  let hash: bigint | undefined;
  for (const policy of policies) {
    const one = policy.kind === "channel" ? channelId : headerHash(policy, metadata);
    if (one === undefined) continue;
    // Rotates by one bit, so that equal hashes do not cancel each other.
    const rotated = hash === undefined ? 0n : BigInt.asUintN(64, hash << 1n) | hash >> 63n;
    hash = rotated ^ one;
    if (policy.terminal) break;
  }
  return hash;
}

function headerHash(
  policy: HashPolicy & { kind: "header" },
  metadata: Metadata | undefined,
): bigint | undefined {
  let value = headerValue(metadata, policy.name);
  if (value === undefined) return undefined;
  const { rewrite } = policy;
  if (rewrite !== undefined) value = value.replaceAll(rewrite.regex, rewrite.substitution);
  xxh64(value);
  return BigInt(hashHigh() >>> 0) << 32n | BigInt(hashLow() >>> 0);
}
