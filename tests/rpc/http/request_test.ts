import assert from "node:assert/strict";
import type { HttpHandler } from "../../../src/rpc/http/handler.ts";
import { type HttpServer, serveHttp } from "../../../src/rpc/http/server.ts";
import { RawClient } from "./raw_client.ts";

/** Serves one handler and sends one request to it; returns the response's text. */
async function ask(handler: HttpHandler, init: RequestInit = {}, path = "/a?b"): Promise<string> {
  await using server = await serveHttp("127.0.0.1:0", handler);
  const response = await fetch(`http://${server.address}${path}`, init);
  return await response.text();
}

const POST = { method: "POST", body: '{"a":"ü"}', headers: { "content-type": "application/json" } };

Deno.test("a request is a Request with Headers", async () => {
  await ask((request) => {
    assert.ok(request instanceof Request);
    assert.ok(request.headers instanceof Headers);
    assert.equal(request.method, "POST");
    assert.equal(new URL(request.url).pathname, "/a");
    assert.equal(request.headers.get("Content-Type"), "application/json");
    assert.equal(request.headers.get("x-none"), null);
    assert.equal(request.headers.has("host"), true);
    assert.equal(request.bodyUsed, false);
    assert.equal(request.redirect, "follow");
    const names = [...request.headers.keys()];
    assert.ok(names.includes("content-length"));
    request.headers.forEach((value, name) => assert.equal(request.headers.get(name), value));
    assert.deepEqual(Object.fromEntries(request.headers)["content-type"], "application/json");
    return new Response();
  }, POST);
});

const READERS: Record<string, (request: Request) => Promise<unknown>> = {
  text: (request) => request.text(),
  json: async (request) => JSON.stringify(await request.json()),
  bytes: async (request) => new TextDecoder().decode(await request.bytes()),
  arrayBuffer: async (request) => new TextDecoder().decode(await request.arrayBuffer()),
  blob: async (request) => await (await request.blob()).text(),
  body: (request) => new Response(request.body).text(),
  clone: async (request) => {
    const copy = request.clone();
    assert.equal(await copy.text(), await request.text());
    return '{"a":"ü"}';
  },
  "new Request": (request) => new Request(request).text(),
};

for (const [name, read] of Object.entries(READERS)) {
  Deno.test(`a body is read by ${name}`, async () => {
    const text = await ask(async (request) => new Response(String(await read(request))), POST);
    assert.equal(text, '{"a":"ü"}');
  });
}

Deno.test("a body is read at most once", async () => {
  await ask(async (request) => {
    await request.text();
    assert.equal(request.bodyUsed, true);
    await assert.rejects(request.text(), TypeError);
    await assert.rejects(request.json(), TypeError);
    assert.equal(request.body?.locked, true);
    return new Response();
  }, POST);
});

Deno.test("form data is parsed", async () => {
  const body = new FormData();
  body.append("a", "b");
  const text = await ask(
    async (request) => new Response(String((await request.formData()).get("a"))),
    {
      method: "POST",
      body,
    },
  );
  assert.equal(text, "b");
});

Deno.test("a request without a body has none", async () => {
  await ask(async (request) => {
    assert.equal(request.body, null);
    assert.equal(await request.text(), "");
    return new Response();
  });
});

async function withRaw(
  handler: HttpHandler,
  use: (client: RawClient, server: HttpServer) => Promise<void>,
): Promise<void> {
  await using server = await serveHttp("127.0.0.1:0", handler);
  using client = await RawClient.open(server.address);
  await use(client, server);
}

Deno.test("RFC 9112 §3.2.2: URL and Host are those of an absolute target", async () => {
  await withRaw(
    (request) => new Response(`${request.url} ${request.headers.get("host")}`),
    async (client) => {
      await client.send("GET http://b.example:81?x HTTP/1.1\r\nHost: a\r\n\r\n");
      assert.match(await client.until(/81$/), /http:\/\/b\.example:81\/\?x b\.example:81$/);
    },
  );
});

Deno.test("repeated fields are joined", async () => {
  await withRaw(
    (request) =>
      new Response(`${request.headers.get("x")}|${new Headers(request.headers).get("x")}|`),
    async (client) => {
      await client.send("GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nx: 2\r\n\r\n");
      assert.match(await client.until(/\|$/), /1, 2\|1, 2\|$/);
    },
  );
});

Deno.test("a stream is read as it comes, and pauses the client", async () => {
  const parts: string[] = [];
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>();
  await withRaw(async (request) => {
    const reader = request.body!.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      parts.push(new TextDecoder().decode(value));
      begin();
    }
    return new Response("done");
  }, async (client) => {
    await client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n",
    );
    await begun;
    assert.equal(parts[0], "abc", "chunks of one read come together");
    await client.send("1\r\nd\r\n0\r\n\r\n");
    assert.match(await client.until(/done$/), / 200 /);
    assert.equal(parts.join(""), "abcd");
  });
});

Deno.test("RFC 9110 §10.1.1: a handler that reads the body asks the client to go on", async () => {
  await withRaw(async (request) => new Response(await request.text()), async (client) => {
    await client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
    );
    await client.until(/^HTTP\/1\.1 100 Continue\r\n\r\n$/);
    await client.send("hi");
    assert.match(await client.until(/hi$/), /^HTTP\/1\.1 200 /);
  });
});

Deno.test("a body that is cut short rejects its reader", async () => {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  await withRaw(async (request) => {
    await request.text().catch(resolve);
    return new Response();
  }, async (client) => {
    await client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    client[Symbol.dispose]();
    assert.equal(((await promise) as Error).name, "HttpBodyError");
  });
});
