/**
 * Base64 (RFC 4648) as text, by the runtime's functions.
 *
 * @module
 */

/** Options of {@link base64Text}. */
export interface Base64Options {
  /** Alphabet of RFC 4648 §4 or §5. Default `base64`. */
  alphabet?: "base64" | "base64url";
  /** Leaves out the padding. Default false. */
  omitPadding?: boolean;
}

/** Encodes base64 (RFC 4648 §4, §5). */
export const base64Text: (bytes: Uint8Array, options?: Base64Options) => string =
  "toBase64" in Uint8Array.prototype
    ? (bytes, options) => bytes.toBase64(options)
    : encodeByCharacters;

const bytesOf: (text: string, alphabet: "base64" | "base64url") => Uint8Array<ArrayBuffer> =
  "fromBase64" in Uint8Array
    ? (text, alphabet) => Uint8Array.fromBase64(text, { alphabet })
    : decodeByCharacters;

// Arguments of one call of `String.fromCharCode`.
const MAX_ARGUMENTS = 8192;

/** For Node, which has `toBase64` from version 25 on. */
function encodeByCharacters(bytes: Uint8Array, options: Base64Options = {}): string {
  let latin1 = "";
  for (let i = 0; i < bytes.length; i += MAX_ARGUMENTS) {
    latin1 += String.fromCharCode(...bytes.subarray(i, i + MAX_ARGUMENTS));
  }
  let text = btoa(latin1);
  if (options.alphabet === "base64url") text = text.replaceAll("+", "-").replaceAll("/", "_");
  return options.omitPadding ? text.replace(/=+$/, "") : text;
}

function decodeByCharacters(text: string): Uint8Array<ArrayBuffer> {
  const latin1 = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(latin1.length);
  for (let i = 0; i < latin1.length; i++) bytes[i] = latin1.charCodeAt(i);
  return bytes;
}

const SHAPES = {
  base64: /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}(?:==)?|[A-Za-z0-9+/]{3}=?)?$/,
  base64url: /^(?:[\w-]{4})*(?:[\w-]{2}(?:==)?|[\w-]{3}=?)?$/,
};

/**
 * Decodes base64 in one alphabet, with or without padding, and with white space (the rules of `Uint8Array.fromBase64`);
 * undefined for other text.
 */
export function decodeLooseBase64(
  text: string,
  alphabet: "base64" | "base64url" = "base64",
): Uint8Array<ArrayBuffer> | undefined {
  const digits = text.replace(/[\t\n\f\r ]+/g, "");
  return SHAPES[alphabet].test(digits) ? bytesOf(digits, alphabet) : undefined;
}

/** Decodes base64 with or without padding (RFC 4648 §4); undefined for other text, also for text with white space. */
export function decodeBase64Text(text: string): Uint8Array<ArrayBuffer> | undefined {
  return SHAPES.base64.test(text) ? bytesOf(text, "base64") : undefined;
}
