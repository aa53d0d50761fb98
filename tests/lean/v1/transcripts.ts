/**
 * Transcripts of version 1, written by hand from the layout: version (1), flags (1), call id (8), type length (2), value
 * length (4), type, value; big-endian. They hold compatibility with other implementations.
 */

import { hex } from "../harness.ts";

// request, call 1, "/echo", "hi"
export const ECHO_REQUEST = hex("01 01 0000000000000001 0005 00000002 2f6563686f 6869");
// response, call 1, "/echo", "hi"
export const ECHO_RESPONSE = hex("01 02 0000000000000001 0005 00000002 2f6563686f 6869");
// request, call 2, "/count", ""
export const COUNT_REQUEST = hex("01 01 0000000000000002 0006 00000000 2f636f756e74");
// response|stream, call 2, "/count", one byte each; response|stream|end with the last
export const COUNT_RESPONSES = hex(
  "01 06 0000000000000002 0006 00000001 2f636f756e74 00" +
    "01 06 0000000000000002 0006 00000001 2f636f756e74 01" +
    "01 0e 0000000000000002 0006 00000001 2f636f756e74 02",
);
// A version-1 server's answer to an unknown route, here the hello's: a response without a value.
export const NO_HELLO = hex("01 02 0000000000000000 000a 00000000 767270632f68656c6c6f");

/** Runs a test with the bytes whole, byte by byte, and split in two at every position. */
export function everySplit(bytes: Uint8Array, run: (chunks: Uint8Array[]) => void): void {
  run([bytes]);
  run(Array.from(bytes, (byte) => Uint8Array.of(byte)));
  for (let at = 1; at < bytes.length; at++) run([bytes.slice(0, at), bytes.slice(at)]);
}
