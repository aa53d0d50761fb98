import assert from "node:assert/strict";
import { RpcError, Status } from "../../../mod.ts";
import { type GatewayOptions, serveHttp } from "../../../src/gateway/mod.ts";
import { deferred } from "../../../src/rpc/core/deferred.ts";
import { until } from "../../fixtures/waiting.ts";
import { RawClient } from "../../rpc/http/raw_client.ts";
import { type Api, method, type Rule, withApi } from "../transcoding/annotated.ts";

const CLIENT = { clientStreaming: true };
const BIDI = { clientStreaming: true, serverStreaming: true };

const client = (name: string, rule?: Rule) => method(name, ".t.All", ".t.All", rule, CLIENT);
const bidi = (name: string, rule?: Rule) => method(name, ".t.All", ".t.All", rule, BIDI);

const METHODS = [
  client("Add", { post: "/v1/{text=a/*}:add", body: "*" }),
  client("Books", { post: "/v1/books/{book.name}", body: "book" }),
  client("Numbers", { post: "/v1/numbers", body: "number", response_body: "numbers" }),
  client("Once", { get: "/v1/once/{text}" }),
  client("Fail"),
  bidi("Chat", { post: "/v1/chat", body: "*" }),
  bidi("Drop", { post: "/v1/drop", body: "*" }),
  method("Upload", ".t.Upload", ".t.Upload", { post: "/v1/files/{name}", body: "file" }, CLIENT),
  method(
    "Raw",
    ".google.api.HttpBody",
    ".google.api.HttpBody",
    { put: "/v1/raw", body: "*" },
    BIDI,
  ),
];
const REPLIES = {
  Fail: [new RpcError(Status.NOT_FOUND, "nothing")],
  Drop: [new RpcError(Status.DATA_LOSS, "gone")],
  Upload: [{ name: "done" }],
};
const JSON_TYPE = "application/json";
const LINES = "application/x-ndjson";

const withStreams = (use: (api: Api) => Promise<void>, options: GatewayOptions = {}) =>
  withApi(METHODS, use, REPLIES, options);

/** Posts a body and returns the status and what came back. */
async function post(
  { fetch }: Api,
  target: string,
  body: BodyInit | null,
  type: string | null = JSON_TYPE,
  httpMethod = "POST",
): Promise<{ status: number; text: string; lines: unknown[] }> {
  const headers: Record<string, string> = type === null ? {} : { "content-type": type };
  const response = await fetch(target, { method: httpMethod, headers, body });
  const text = await response.text();
  const lines = text.split("\n").filter((line) => line !== "").map((line) => {
    try {
      return JSON.parse(line);
    } catch {
      return line;
    }
  });
  return { status: response.status, text, lines };
}

/** A body that comes in these parts. */
function parts(...texts: string[]): ReadableStream<Uint8Array> {
  return ReadableStream.from(texts.map((text) => new TextEncoder().encode(text)));
}

Deno.test("a client stream is a list, values one after another, or lines", async () => {
  await withStreams(async (api) => {
    const expected = [{ text: "x" }, {}, { numbers: [1, 2] }];
    for (
      const [body, type] of [
        ['[{"text":"x"},{},{"numbers":[1,2]}]', JSON_TYPE],
        ['{"text":"x"}{}\n{"numbers":[1,2]}', JSON_TYPE],
        ['{"text":"x"}\n{}\n\n{"numbers":[1,2]}\n', LINES],
        ['{"text":"x"}\r\n{}\r\n{"numbers":[1,2]}', "application/jsonl; charset=utf-8"],
      ]
    ) {
      const { status, lines } = await post(api, "/t.Api/Add", body, type);
      assert.equal(status, 200, body);
      assert.deepEqual(lines, [{ numbers: [1, 2] }]);
      assert.deepEqual(api.last, { method: "Add", request: expected });
    }
  });
});

Deno.test("a stream without requests is an empty body or list", async () => {
  await withStreams(async (api) => {
    for (const body of ["", " \n", "[]", null]) {
      assert.equal((await post(api, "/t.Api/Add", body)).status, 200);
      assert.deepEqual(api.last, { method: "Add", request: [] });
    }
    assert.equal((await post(api, "/t.Api/Add", null, null)).status, 200);
  });
});

Deno.test("a bidirectional stream answers with lines, or events", async () => {
  await withStreams(async (api) => {
    const body = parts('[{"text":"a', '"}', ',{"number":2}', "]");
    assert.deepEqual((await post(api, "/v1/chat", body)).lines, [{ text: "a" }, { number: 2 }]);
    const response = await api.fetch("/t.Api/Chat", {
      method: "POST",
      headers: { "content-type": LINES, accept: "text/event-stream" },
      body: '{"text":"a"}\n',
    });
    assert.equal(await response.text(), 'data: {"text":"a"}\n\nevent: end\ndata: {}\n\n');
  });
});

Deno.test("path and query are parts of the first request", async () => {
  await withStreams(async (api) => {
    const body = '{"number":1}\n{"number":2}';
    assert.equal((await post(api, "/v1/a/b:add", body)).status, 200);
    assert.deepEqual(api.last!.request, [{ text: "a/b", number: 1 }, { number: 2 }]);
    const books = '[{"pageCount":"1"},{"tags":["x"]},null]';
    assert.equal((await post(api, "/v1/books/b?number=7", books)).status, 200);
    assert.deepEqual(api.last!.request, [
      { number: 7, book: { name: "b", pageCount: "1" } },
      { book: { tags: ["x"] } },
      {},
    ]);
    assert.equal((await api.fetch("/v1/once/x?number=3")).status, 200);
    assert.deepEqual(api.last, { method: "Once", request: [{ text: "x", number: 3 }] });
  });
});

Deno.test("values of one field, which need not be objects", async () => {
  await withStreams(async (api) => {
    const { status, text } = await post(api, "/v1/numbers", "1 2\n3");
    assert.deepEqual([status, text], [200, "[]"]);
    assert.deepEqual(api.last!.request, [{ number: 1 }, { number: 2 }, { number: 3 }]);
  });
});

Deno.test("a later request can't have another value for what the path says", async () => {
  await withStreams(async (api) => {
    const same = '{"text":"other"}{"text":"a/b"}{"number":1}';
    assert.equal((await post(api, "/v1/a/b:add", same)).status, 200);
    const { status, text } = await post(api, "/v1/a/b:add", '{}{"text":"a/c"}');
    assert.equal(status, 400);
    assert.match(text, /Cannot use Message 2 of the body: its text is not that of the path/);
    assert.equal((await post(api, "/v1/books/b", '[{},{"name":"c"}]')).status, 400);
    assert.equal((await post(api, "/v1/books/b", '[{},{"name":"b"}]')).status, 200);
  });
});

Deno.test("google/api/httpbody.proto: a body of any type comes in parts", async () => {
  await withStreams(async (api) => {
    const body = parts("ab", "c");
    assert.equal((await post(api, "/v1/files/f?file.extensions=1", "x", "a/b")).status, 400);
    assert.equal((await post(api, "/v1/files/f", body, "text/css")).text, '{"name":"done"}');
    assert.deepEqual(api.last!.request, [
      { name: "f", file: { contentType: "text/css", data: btoa("ab") } },
      { file: { data: btoa("c") } },
    ]);
    assert.equal((await post(api, "/v1/files/f", null, null)).status, 200);
    assert.deepEqual(api.last!.request, [{ name: "f", file: {} }]);
    const raw = await post(api, "/v1/raw", parts("ab", "c"), "text/css", "PUT");
    assert.equal(raw.text, "abc");
    const large = await post(api, "/v1/raw", new Uint8Array(200_000), null, "PUT");
    assert.equal(large.text.length, 200_000);
    assert.equal((api.last!.request as unknown[]).length, 4);
  });
});

Deno.test("bodies that are not valid are answered 400 with the message, 413 and 415", async () => {
  await withStreams(async (api) => {
    const cases: [string, string, number, RegExp][] = [
      ['{}{"nope":1}', JSON_TYPE, 400, /Message 2 of the body is not a valid t\.All message/],
      ['{"text":', JSON_TYPE, 400, /Message 1 of the body is not valid JSON/],
      ["[{},{}", JSON_TYPE, 400, /The body is not valid JSON after 2 messages: the list is not/],
      ["[{},]", JSON_TYPE, 400, /after 1 message: a value of the list is missing/],
      ["]", JSON_TYPE, 400, /The body is not valid JSON: a bracket closes nothing/],
      ["[{}]", LINES, 400, /Message 1 of the body is not a valid t\.All message/],
      ['{\n"text":"x"}', LINES, 400, /Message 1 of the body is not valid JSON/],
      [`{}{"text":"${"x".repeat(1_000)}"}`, JSON_TYPE, 413, /Message 2 of the body is too large/],
      [`{"books":[${"{},".repeat(60)}{}]}`, JSON_TYPE, 413, /Message 1 .* too complex/],
      ["{}", "text/plain", 415, /must be application\/json, application\/x-ndjson or/],
    ];
    for (const [body, type, expected, reason] of cases) {
      for (const sent of [body, parts(...body)]) {
        const { status, text } = await post(api, "/t.Api/Chat", sent, type);
        // A reply that was sent before is no longer the status.
        assert.ok(status === expected || status === 200, `${body}: ${status} ${text}`);
        assert.match(text, reason);
        const alone = await post(api, "/t.Api/Add", typeof sent === "string" ? sent : body, type);
        assert.equal(alone.status, expected, `${body}: ${alone.text}`);
        assert.match(alone.text, reason);
      }
    }
  }, { maxBodyBytes: 500, maxJsonElements: 50 });
});

Deno.test("the limits hold for each message, not for the stream", async () => {
  await withStreams(async (api) => {
    const body = parts(...Array.from({ length: 100 }, () => `{"text":"${"x".repeat(50)}"}\n`));
    assert.equal((await post(api, "/t.Api/Add", body)).status, 200);
    assert.equal((api.last!.request as unknown[]).length, 100);
  }, { maxBodyBytes: 100, maxBufferedBytes: 100, maxJsonElements: 4 });
});

Deno.test("unfinished messages of all bodies are charged to one pool", async () => {
  await withStreams(async (api) => {
    const open = deferred<void>();
    let pulled = false;
    const half = new TextEncoder().encode(`{"text":"${"x".repeat(80)}`);
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(half),
      pull: async () => {
        pulled = true;
        await open.promise;
        throw new Error("cut");
      },
    });
    const first = post(api, "/t.Api/Add", body);
    await until(() => pulled);
    const two = () => parts(`{"text":"${"x".repeat(30)}`, '"}');
    assert.equal((await post(api, "/t.Api/Add", two())).status, 503);
    open.resolve();
    assert.equal((await first).status, 499);
    assert.equal((await post(api, "/t.Api/Add", two())).status, 200);
  }, { maxBufferedBytes: 100 });
});

Deno.test("errors of the service: the status before the first reply, else the last line", async () => {
  await withStreams(async (api) => {
    assert.equal((await post(api, "/t.Api/Fail", "{}")).status, 404);
    const { status, lines } = await post(api, "/v1/drop", "{}");
    assert.equal(status, 200);
    assert.deepEqual(lines, [{}, { error: { code: "DATA_LOSS", message: "gone", details: [] } }]);
  });
});

Deno.test("a body that never ends is answered 504 at the deadline, and let go", async () => {
  await withStreams(async (api) => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(new TextEncoder().encode("{}")),
      cancel: () => void (cancelled = true),
    });
    assert.equal((await post(api, "/t.Api/Add", body)).status, 504);
    await until(() => cancelled);
  }, { timeoutMs: 100 });
});

Deno.test("RFC 9112 §9.3.2: over HTTP/1.1 replies come while requests are sent", async () => {
  await withStreams(async ({ gateway }) => {
    await using http = await serveHttp(
      "127.0.0.1:0",
      (request) => gateway.answer(request, new URL(request.url).pathname),
    );
    using raw = await RawClient.open(http.address);
    const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;
    await raw.send(
      "POST /v1/chat HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\n" +
        `Transfer-Encoding: chunked\r\n\r\n${chunk('{"text":"one"}\n')}`,
    );
    await raw.until(/"one"/);
    await raw.send(chunk('{"text":"two"}\n'));
    await raw.until(/"two"/);
    await raw.send("0\r\n\r\n");
    await raw.until(/^0\r\n\r\n/m);
    // The connection goes on.
    await raw.send("POST /t.Api/Add HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    await raw.until(/^HTTP\/1\.1 200 OK/);
  });
});

Deno.test("a client that is gone ends the call", async () => {
  await withStreams(async ({ gateway, channel }) => {
    await using http = await serveHttp(
      "127.0.0.1:0",
      (request) => gateway.answer(request, new URL(request.url).pathname),
    );
    using raw = await RawClient.open(http.address);
    await raw.send(
      "POST /v1/chat HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" +
        "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
    );
    await raw.until(/ndjson[^]*\{\}/);
    raw[Symbol.dispose]();
    await until(() => http.stats().open === 0 && channel.stats().activeCalls === 0);
  });
});
