/**
 * What a proxy writes before a tunnel, or in place of one.
 *
 * @module
 */

import { reasonPhrase } from "../../http1/reason_phrases.ts";
import { printable } from "../../call/printable.ts";
import type { ByteStream } from "../../transport/types.ts";
import type { EgressRefusal } from "./connect_request.ts";

/** Bytes of a refused request that are read and dropped, so that its peer gets the answer and no reset. */
const MAX_DROPPED_BYTES = 65_536;

/** Writes all bytes. */
export async function writeAll(stream: ByteStream, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) at += await stream.write(bytes.subarray(at));
}

/** Returns a response with a refusal's status and its reason as text. */
export function refusalResponse({ status, message }: EgressRefusal): Uint8Array {
  const body = new TextEncoder().encode(`${printable(message)}\n`);
  const fields = [
    `HTTP/1.1 ${status} ${reasonPhrase(status)}`,
    "content-type: text/plain; charset=utf-8",
    `content-length: ${body.length}`,
    "connection: close",
    ...(status === 405 ? ["allow: CONNECT"] : []),
    "\r\n",
  ];
  const head = new TextEncoder().encode(fields.join("\r\n"));
  const bytes = new Uint8Array(head.length + body.length);
  bytes.set(head);
  bytes.set(body, head.length);
  return bytes;
}

/** Writes the refusal, and reads until the peer has closed its side. */
export async function answerRefusal(stream: ByteStream, refusal: EgressRefusal): Promise<void> {
  await writeAll(stream, refusalResponse(refusal));
  await stream.closeWrite();
  const buffer = new Uint8Array(4_096);
  for (let dropped = 0; dropped < MAX_DROPPED_BYTES;) {
    const count = await stream.read(buffer);
    if (count === null) return;
    dropped += count;
  }
}
