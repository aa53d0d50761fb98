/**
 * Functions of JavaScript that the programs use and Node 20 lacks.
 *
 * @module
 */

import { availableParallelism } from "node:os";

/** Adds a function where there is none of its name. */
function add(target: object, name: string, value: unknown): void {
  if (!(name in target)) {
    Object.defineProperty(target, name, { value, writable: true, configurable: true });
  }
}

type Base64Options = { alphabet?: "base64" | "base64url" };

/** Decodes text; throws SyntaxError for what is not of the form, where Buffer reads up to it. */
function decode(text: string, form: RegExp, encoding: "base64" | "base64url" | "hex"): Uint8Array {
  if (!form.test(text)) throw new SyntaxError(`Cannot read ${encoding}: found other characters`);
  return new Uint8Array(Buffer.from(text, encoding));
}

add(Promise, "withResolvers", function <T>() {
  let resolve!: (value: T) => void;
  let reject!: (reason: unknown) => void;
  const promise = new Promise<T>((onValue, onError) => {
    resolve = onValue;
    reject = onError;
  });
  return { promise, resolve, reject };
});
add(Uint8Array, "fromBase64", (text: string, { alphabet = "base64" }: Base64Options = {}) => {
  const form = alphabet === "base64" ? /^[\w+/]*=*$/ : /^[\w-]*=*$/;
  return decode(text, form, alphabet);
});
add(Uint8Array, "fromHex", (text: string) => decode(text, /^([\da-f]{2})*$/i, "hex"));
const bytesOf = (bytes: Uint8Array) =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
add(Uint8Array.prototype, "toBase64", function (this: Uint8Array) {
  return bytesOf(this).toString("base64");
});
add(Uint8Array.prototype, "toHex", function (this: Uint8Array) {
  return bytesOf(this).toString("hex");
});
add(globalThis, "navigator", { hardwareConcurrency: availableParallelism() });
