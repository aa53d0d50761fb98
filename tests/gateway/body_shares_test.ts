// One client address must not take all of the memory for unfinished bodies.

import assert from "node:assert/strict";
import { connect as connectFrom, type Socket } from "node:net";
import { BodyPool, readJson } from "../../src/gateway/request_body.ts";
import { HttpReply } from "../../src/rpc/http/handler.ts";
import { type HttpServer, serveHttp } from "../../src/rpc/http/server.ts";
import { until } from "../fixtures/waiting.ts";

/** Opens a connection from a loopback address and sends a request without the end of its body. */
function post(server: HttpServer, localAddress: string, sent: number, announced: number): Post {
  const port = Number(server.address.split(":").at(-1));
  const socket = connectFrom({ host: "127.0.0.1", port, localAddress });
  const post: Post = { socket, text: "" };
  socket.on("data", (bytes: Uint8Array) => post.text += new TextDecoder().decode(bytes));
  socket.on("error", () => {});
  socket.write(
    `POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n` +
      `content-length: ${announced}\r\n\r\n${" ".repeat(sent)}`,
  );
  return post;
}

interface Post {
  readonly socket: Socket;
  text: string;
}

const LIMITS: Record<string, { pool: number; limits: { maxBufferedBytes?: number } }> = {
  "the pool of the gateway": { pool: 400_000, limits: {} },
  "the pool of serveHttp": { pool: 4_000_000, limits: { maxBufferedBytes: 400_000 } },
};

for (const [what, { pool: limitBytes, limits }] of Object.entries(LIMITS)) {
  Deno.test(`many connections of one address get no more of ${what} than one`, async () => {
    const pool = new BodyPool(limitBytes);
    await using server = await serveHttp("127.0.0.1:0", async (request) => {
      const body = await readJson(request, { maxBytes: 200_000, pool, timeoutMs: 20_000 })
        .catch((error) => error);
      return new HttpReply(body.httpStatus ?? 200, [], "done").toResponse();
    }, { limits });
    const posts: Post[] = [];
    const hold = (from: string) => posts.push(post(server, from, 40_000, 100_000));
    for (let i = 0; i < 5; i++) hold("127.0.0.1");
    await until(() => server.stats().bufferedBytes === 200_000, 5_000);
    // Half of the pool is used: the address has its share, however many connections it opens.
    hold("127.0.0.1");
    await until(() => posts.at(-1)!.text.startsWith("HTTP/1.1 503"), 5_000);
    const other = post(server, "127.0.0.2", 40_000, 40_000);
    posts.push(other);
    await until(() => other.text.startsWith("HTTP/1.1 200"), 5_000);
    for (const { socket } of posts) socket.destroy();
    await until(() => server.stats().open === 0 && server.stats().bufferedBytes === 0, 5_000);
    assert.equal(pool.used, 0);
  });
}
