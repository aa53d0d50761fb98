import assert from "node:assert/strict";
import { type HttpHandler, HttpReply } from "../../../src/rpc/http/handler.ts";
import { serveHttp } from "../../../src/rpc/http/server.ts";
import { until } from "../../fixtures/waiting.ts";
import { RawClient } from "./raw_client.ts";

/** Sends one request; returns everything that comes back until the connection closes. */
async function raw(handler: HttpHandler, method = "GET"): Promise<string> {
  await using server = await serveHttp("127.0.0.1:0", handler);
  using client = await RawClient.open(server.address);
  await client.send(`${method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`);
  return (await client.rest()).replace(/date: [^\r]+\r\n/, "");
}

const stream = (...parts: string[]) =>
  ReadableStream.from(parts.map((part) => new TextEncoder().encode(part)));

Deno.test("a Response whose body is complete has its length", async () => {
  // Bun gives a Response no content-type of its own.
  const headers = { "content-type": "text/plain", "x-a": "b" };
  assert.equal(
    await raw(() => new Response("hello", { status: 201, headers })),
    "HTTP/1.1 201 Created\r\ncontent-type: text/plain\r\nx-a: b\r\n" +
      "content-length: 5\r\nconnection: close\r\n\r\nhello",
  );
  assert.match(await raw(() => new Response(null)), /content-length: 0\r\n/);
  assert.match(await raw(() => new Response("")), /content-length: 0\r\n/);
});

Deno.test("a large Response whose body is complete has its length", async () => {
  const long = await raw(() => new Response("x".repeat(100_000)));
  assert.ok(long.includes("content-length: 100000\r\n"));
  assert.ok(long.endsWith(`\r\n\r\n${"x".repeat(100_000)}`));
});

Deno.test("a stream is chunked, or has the length that its response states", async () => {
  const chunked = await raw(() => new Response(stream("a", "bc")));
  assert.match(chunked, /transfer-encoding: chunked\r\n[^]*\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n$/);
  const known = await raw(() =>
    new Response(stream("a", "bc"), { headers: { "content-length": "3" } })
  );
  assert.match(known, /content-length: 3\r\n[^]*\r\n\r\nabc$/);
  assert.match(await raw(() => new Response(stream())), /content-length: 0\r\n/);
});

Deno.test("HEAD has the fields of GET and no body; an endless stream is cancelled", async () => {
  assert.match(await raw(() => new Response("hello"), "HEAD"), /content-length: 5\r\n.*\r\n\r\n$/s);
  let cancelled = false;
  const endless = () =>
    new Response(
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(10)),
        cancel: () => {
          cancelled = true;
        },
      }),
    );
  assert.match(await raw(endless, "HEAD"), /\r\n\r\n$/);
  await until(() => cancelled);
});

Deno.test("each Set-Cookie has its own line", async () => {
  const headers = new Headers([["set-cookie", "a=1"], ["set-cookie", "b=2"]]);
  assert.match(
    await raw(() => new Response(null, { headers })),
    /set-cookie: a=1\r\nset-cookie: b=2\r\n/,
  );
});

Deno.test("Connection: close of a response closes the connection", async () => {
  await using server = await serveHttp(
    "127.0.0.1:0",
    () => new Response("bye", { headers: { connection: "close" } }),
  );
  using client = await RawClient.open(server.address);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  assert.match(await client.rest(), /connection: close\r\n\r\nbye$/);
});

Deno.test("a stream that fails cuts its response short", async () => {
  const text = await raw(() =>
    new Response(
      new ReadableStream({
        start(controller) {
          controller.enqueue(new TextEncoder().encode("a"));
          setTimeout(() => controller.error(new Error("secret")), 5);
        },
      }),
    )
  );
  assert.match(text, /\r\n1\r\na\r\n$/);
});

Deno.test("a stream of something else than bytes fails", async () => {
  const body = () => ReadableStream.from(["text"]) as unknown as ReadableStream<Uint8Array>;
  assert.match(await raw(() => new Response(body())), /^HTTP\/1\.1 500 /);
});

Deno.test("a stream waits for the client, and is cancelled when it is gone", async () => {
  let pulled = 0;
  let cancelled = false;
  await using server = await serveHttp("127.0.0.1:0", () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          pulled += 65_536;
          controller.enqueue(new Uint8Array(65_536));
        },
        cancel() {
          cancelled = true;
        },
      }),
    ));
  using client = await RawClient.open(server.address);
  await client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  let before = -1;
  await until(() => {
    const stands = pulled === before;
    before = pulled;
    return pulled > 0 && stands;
  });
  assert.ok(pulled < 32_000_000, `${pulled}`);
  client[Symbol.dispose]();
  await until(() => cancelled);
});

Deno.test("HttpReply is sent as it is, and has the same Response", async () => {
  const reply = new HttpReply(404, ["content-type", "text/plain", "x", "1"], "nöthing");
  assert.equal(
    await raw(() => reply),
    "HTTP/1.1 404 Not Found\r\ncontent-type: text/plain\r\nx: 1\r\ncontent-length: 8\r\n" +
      "connection: close\r\n\r\nnöthing",
  );
  const response = reply.toResponse();
  assert.equal(response.status, 404);
  assert.equal(response.headers.get("x"), "1");
  assert.equal(await response.text(), "nöthing");
  assert.equal(new HttpReply(204, [], "").toResponse().body, null);
});

Deno.test("a body whose buffer is detached while it is sent is not taken for complete", async () => {
  const count = 20_000_000;
  const body = () => {
    const bytes = new Uint8Array(count);
    setTimeout(() => structuredClone(bytes, { transfer: [bytes.buffer] }));
    return bytes;
  };
  const streamed = () => {
    const parts = [body(), new Uint8Array(1)];
    return new Response(ReadableStream.from(parts));
  };
  const whole = () => new HttpReply(200, ["content-type", "text/plain"], body());
  const chunked = await raw(streamed);
  assert.ok(!chunked.endsWith("0\r\n\r\n"), "the last chunk was sent");
  const { length } = await raw(whole);
  assert.ok(length < count);
});
