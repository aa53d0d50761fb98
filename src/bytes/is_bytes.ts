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

const { subarray } = Uint8Array.prototype;

/**
 * Returns `bytes` itself, or a plain view of its memory if it is an instance of a subclass, or has properties of its own
 * in place of `length` and `subarray`. Queued messages are cut into frames by their length, so it must be the true one.
 */
export function plainBytes(bytes: Uint8Array): Uint8Array {
  return isPlain(bytes) ? bytes : new Uint8Array(bufferOf(bytes), offsetOf(bytes), lengthOf(bytes));
}

// Reads properties alone: `Object.getPrototypeOf` takes as long as the encoding of a small message.
function isPlain(bytes: Uint8Array): boolean {
  try {
    if (bytes.constructor !== Uint8Array || bytes.subarray !== subarray) return false;
    const { length } = bytes;
    // Elements cannot be replaced, so they tell the true length.
    return typeof length === "number" && bytes[length] === undefined &&
      (length === 0 || bytes[length - 1] !== undefined);
  } catch {
    return false;
  }
}

function getter<Value>(name: "buffer" | "byteOffset" | "byteLength"): (of: Uint8Array) => Value {
  const { get } = Object.getOwnPropertyDescriptor(TypedArray, name)!;
  return (of) => get!.call(of);
}
