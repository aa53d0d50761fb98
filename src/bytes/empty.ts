/**
 * The shared empty byte array.
 *
 * @module
 */

import { markAsUntransferable } from "./untransferable.ts";

/** No bytes. Shared: never use it as an owned or growing buffer. */
export const EMPTY_BYTES: Uint8Array<ArrayBuffer> = new Uint8Array(0);

// A handler that transfers the buffer of an empty message would detach it for all others.
markAsUntransferable(EMPTY_BYTES.buffer);
