/**
 * The answer to HTTP/1 of a server without the web protocols.
 *
 * @module
 */

import type { ByteStream } from "../../transport/types.ts";

/** Answers an HTTP/1 request with 426 and `text`. */
export async function answerHttp1(stream: ByteStream, text: string): Promise<void> {
  const body = new TextEncoder().encode(text);
  // RFC 9110 §15.5.22: 426 names the protocols that the server accepts.
  const head = "HTTP/1.1 426 Upgrade Required\r\n" +
    "upgrade: h2c\r\nconnection: upgrade, close\r\ncontent-type: text/plain; charset=utf-8\r\n" +
    `content-length: ${body.length}\r\n\r\n`;
  const answer = new Uint8Array([...new TextEncoder().encode(head), ...body]);
  for (let sent = 0; sent < answer.length;) sent += await stream.write(answer.subarray(sent));
  await stream.closeWrite();
  // Closing with unread input would send a reset, which discards the response.
  const rest = new Uint8Array(4096);
  for (let count: number | null = 0, sum = 0; count !== null && sum < 65536; sum += count) {
    count = await stream.read(rest);
    if (count === null) break;
  }
}
