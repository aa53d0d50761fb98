/**
 * Checks that a value passed by the application is a readable Uint8Array, and reads instances of subclasses.
 *
 * @module
 */

/** Whether a value is a readable Uint8Array. A Proxy of one passes `instanceof`, but its bytes cannot be read. */
export function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && value instanceof Uint8Array;
}

const TypedArray = Object.getPrototypeOf(Uint8Array.prototype);
const bufferOf = getter<ArrayBuffer>("buffer");
const offsetOf = getter<number>("byteOffset");
const lengthOf = getter<number>("byteLength");

/**
 * Returns `bytes` itself, or a plain view of its memory if it is an instance of a subclass, which may override methods
 * and `length`. Queued messages are cut into frames by their length, so it must be the true one.
 */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  if (Object.getPrototypeOf(bytes) === Uint8Array.prototype) return bytes;
  return new Uint8Array(bufferOf(bytes), offsetOf(bytes), lengthOf(bytes));
}

function getter<Value>(name: "buffer" | "byteOffset" | "byteLength"): (of: Uint8Array) => Value {
  const { get } = Object.getOwnPropertyDescriptor(TypedArray, name)!;
  return (of) => get!.call(of);
}
