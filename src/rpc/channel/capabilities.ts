/**
 * Parses the list of methods that a lean server returns. Nothing in the list is trusted.
 *
 * @module
 */

import { Status } from "../../call/status.ts";
import { RpcError } from "../../errors.ts";

/**
 * A method in a lean server's list.
 *
 * @category Client
 */
export interface CapabilityInfo {
  /** Number of the method; `capabilities` itself is 0. */
  readonly id: number;
  /** Path of the method. */
  readonly name: string;
  /** Description in one line. */
  readonly description: string;
  /** Type of requests, such as a message's name. */
  readonly requestType: string;
  /** Type of replies. */
  readonly responseType: string;
  /** Kind of the method: unary or streaming. */
  readonly kind: string;
}

/** Cap on objects and arrays in a list: an empty one is 2 bytes of JSON but takes many times as much memory. */
const MAX_ENTRIES = 65_536;

/**
 * Parses the reply of the route `capabilities`. Throws RpcError: INTERNAL when it is not a list of methods,
 * RESOURCE_EXHAUSTED when it has too many entries.
 */
export function parseCapabilities(reply: Uint8Array): CapabilityInfo[] {
  if (countOpened(reply) > MAX_ENTRIES) {
    throw new RpcError(
      Status.RESOURCE_EXHAUSTED,
      `The server's capabilities have too many entries, limit is ${MAX_ENTRIES}`,
    );
  }
  let list: unknown;
  try {
    list = JSON.parse(new TextDecoder().decode(reply));
  } catch (cause) {
    throw invalid("not valid JSON", cause);
  }
  if (!Array.isArray(list)) throw invalid("not a list");
  return list.map(entryOf);
}

function countOpened(json: Uint8Array): number {
  let count = 0;
  for (const byte of json) if (byte === 0x7b || byte === 0x5b) count++;
  return count;
}

// Only `name` is required. Servers of lean version 1 name the fields of the types `incoming` and `returning`.
function entryOf(given: unknown, index: number): CapabilityInfo {
  const entry = (given ?? {}) as Readonly<Record<string, unknown>>;
  const text = (...names: string[]): string =>
    names.map((name) => entry[name]).find((value) => typeof value === "string") as string ?? "";
  if (typeof entry.name !== "string") throw invalid(`entry ${index} has no name`);
  return {
    id: typeof entry.id === "number" ? entry.id : index,
    name: entry.name,
    kind: text("kind"),
    requestType: text("requestType", "incoming"),
    responseType: text("responseType", "returning"),
    description: text("description"),
  };
}

function invalid(why: string, cause?: unknown): RpcError {
  return new RpcError(
    Status.INTERNAL,
    `Cannot decode the server's capabilities: ${why}`,
    cause === undefined ? {} : { cause },
  );
}
