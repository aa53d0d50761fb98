/**
 * Metadata of calls out of the header fields of requests.
 *
 * @module
 */

import { decodeLooseBase64 } from "../bytes/base64_text.ts";

const TEXT = /^[\x20-\x7e]*$/;

/**
 * Returns `x-request-id` and the fields named in `forward`, as far as the request has them in a form that metadata can
 * carry; undefined when it has none of them.
 */
export function forwardedMetadata(
  headers: Headers,
  forward: readonly string[],
): Record<string, string | Uint8Array> | undefined {
  let metadata: Record<string, string | Uint8Array> | undefined;
  const add = (name: string) => {
    const text = headers.get(name);
    if (text === null || !TEXT.test(text)) return;
    const value = name.endsWith("-bin") ? decodeLooseBase64(text) : text;
    if (value !== undefined) (metadata ??= {})[name] = value;
  };
  add("x-request-id");
  for (const name of forward) add(name);
  return metadata;
}
