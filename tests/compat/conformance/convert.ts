/**
 * Converts headers and errors between the suite and this project.
 *
 * @module
 */

import { Metadata, RpcError, type Status } from "../../../mod.ts";
import type { ErrorMessage, Header } from "./schema.ts";

/** Converts headers of the suite to metadata; their `-bin` values are base64. */
export function toMetadata(headers: Header[], into = new Metadata()): Metadata {
  for (const { name, value } of headers) {
    for (const one of value) {
      into.append(name, name.toLowerCase().endsWith("-bin") ? fromBase64(one) : one);
    }
  }
  return into;
}

/** Converts metadata to headers of the suite. */
export function fromMetadata(metadata: Metadata | undefined): Header[] {
  const headers = new Map<string, Header>();
  for (const [name, value] of metadata ?? []) {
    let header = headers.get(name);
    if (!header) headers.set(name, header = { name, value: [] });
    header.value.push(
      typeof value === "string" ? value : value.toBase64({ omitPadding: true }),
    );
  }
  return [...headers.values()];
}

function fromBase64(text: string): Uint8Array {
  return Uint8Array.fromBase64(text.replace(/=+$/, ""));
}

/** Converts an error of the suite to an RpcError, with additional details. */
export function toRpcError(error: ErrorMessage, ...more: ErrorMessage["details"]): RpcError {
  return new RpcError(error.code as Status, error.message ?? "", {
    details: [...error.details, ...more],
  });
}

/** Converts any failure of a call to an error of the suite. */
export function fromError(thrown: unknown): ErrorMessage {
  const error = RpcError.from(thrown);
  return { code: error.code, message: error.message, details: [...error.details] };
}
