/**
 * Codecs of methods, which all calls of the method share.
 *
 * @module
 */

import type { Codec } from "./codec.ts";

// deno-lint-ignore no-explicit-any -- codecs of all message types meet here
type AnyCodec = Codec<any, any>;

/**
 * Returns a codec that no handler or interceptor can change: `codec` itself if it is frozen, else a frozen one with its
 * functions as they are now, and its other properties. `this` in the functions is `codec`.
 */
export function frozenCodec(codec: AnyCodec): AnyCodec {
  if (Object.isFrozen(codec) && ownsFunctions(codec)) return codec;
  const copy: Record<PropertyKey, unknown> = { ...codec };
  copy.name = codec.name;
  if ("descriptor" in codec) copy.descriptor = codec.descriptor;
  for (const name of ["encode", "decode", "encodeLent"] as const) {
    const own: unknown = Reflect.get(codec, name);
    if (typeof own === "function") copy[name] = own.bind(codec);
  }
  return Object.freeze(copy) as unknown as AnyCodec;
}

/** Whether the functions are not those of a prototype, which could be changed. */
function ownsFunctions(codec: AnyCodec): boolean {
  return Object.hasOwn(codec, "encode") && Object.hasOwn(codec, "decode");
}
