/**
 * The shared empty byte array, and empty messages.
 *
 * @module
 */

import { CAN_MARK_BUFFERS, markAsUntransferable } from "./untransferable.ts";

/** No bytes. Shared: never use it as an owned or growing buffer, and give applications {@link noBytes} instead. */
export const EMPTY_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

// An application that transfers the buffer of an empty message would detach it for all others.
markAsUntransferable(EMPTY_BYTES.buffer);

/** Returns an empty message or field: the shared one, or one of its own where the runtime cannot prevent transfers. */
export function noBytes(): Uint8Array<ArrayBuffer> {
  return CAN_MARK_BUFFERS ? EMPTY_BYTES : new Uint8Array(0);
}
