import assert from "node:assert/strict";
import { RpcError, Status } from "../../mod.ts";
import { prefersEvents } from "../../src/gateway/reply_stream.ts";
import { method, withApi } from "./transcoding/annotated.ts";

const METHODS = [
  method("Watch", ".t.All", ".t.All", { get: "/v1/watch" }, { serverStreaming: true }),
  method("Names", ".t.All", ".t.All", { get: "/v1/names", response_body: "text" }, {
    serverStreaming: true,
  }),
  method("Fail", ".t.All", ".t.All", { get: "/v1/fail" }, { serverStreaming: true }),
  method("Never", ".t.All", ".t.All", { get: "/v1/never" }, { serverStreaming: true }),
];
const TWO = [{ text: "a\u2028b\r\n" }, { number: 2 }];
const REPLIES = {
  Watch: TWO,
  Names: TWO,
  Fail: [TWO[1], new RpcError(Status.DATA_LOSS, "gone\r\ndata: {}")],
  Never: [new RpcError(Status.NOT_FOUND, "nothing")],
};
const EVENTS = { accept: "text/event-stream" };
const CONNECT = { "connect-protocol-version": "1" };

Deno.test("RFC 9110 §12.5.1: Accept chooses between JSON lines and Server-Sent Events", () => {
  for (
    const [accept, events] of [
      [null, false],
      ["*/*", false],
      ["application/json", false],
      ["text/event-stream", true],
      ["Text/Event-Stream; charset=utf-8", true],
      ["application/json, text/event-stream", true],
      ["application/x-ndjson;q=0.9, text/event-stream;q=0.5", false],
      ["text/event-stream;q=0", false],
      ["text/event-stream;q=0.5, */*", true],
    ] as const
  ) assert.equal(prefersEvents(accept), events, String(accept));
});

Deno.test("a stream as JSON lines, by default, and a failure as the last line", async () => {
  await withApi(METHODS, async ({ fetch }) => {
    const lines = async (path: string, headers = {}) => {
      const response = await fetch(path, { headers });
      assert.equal(response.headers.get("content-type"), "application/x-ndjson");
      return (await response.text()).split("\n").slice(0, -1).map((line) => JSON.parse(line));
    };
    assert.deepEqual(await lines("/v1/watch"), TWO);
    assert.deepEqual(await lines("/v1/names"), ["a\u2028b\r\n", ""]);
    const message = "gone\r\ndata: {}";
    assert.deepEqual(await lines("/v1/fail"), [
      TWO[1],
      { error: { code: "DATA_LOSS", message, details: [] } },
    ]);
    assert.deepEqual((await lines("/v1/fail", CONNECT))[1], {
      error: { code: "data_loss", message },
    });
  }, REPLIES);
});

Deno.test("HTML, Server-sent events: one event for each reply, then end or error", async () => {
  await withApi(METHODS, async ({ fetch }) => {
    const events = async (path: string, headers = {}) => {
      const response = await fetch(path, { headers: { ...EVENTS, ...headers } });
      assert.equal(response.headers.get("content-type"), "text/event-stream");
      assert.equal(response.headers.get("cache-control"), "no-cache");
      return await response.text();
    };
    assert.equal(
      await events("/v1/watch"),
      'data: {"text":"a\\u2028b\\r\\n"}\n\ndata: {"number":2}\n\nevent: end\ndata: {}\n\n',
    );
    assert.equal(
      await events("/v1/fail", CONNECT),
      'data: {"number":2}\n\nevent: error\n' +
        'data: {"code":"data_loss","message":"gone\\r\\ndata: {}"}\n\n',
    );
  }, REPLIES);
});

Deno.test("a stream that fails before its first reply is answered with the error's status", async () => {
  await withApi(METHODS, async ({ fetch }) => {
    for (const headers of [{}, EVENTS]) {
      const response = await fetch("/v1/never", { headers });
      assert.equal(response.status, 404);
      assert.equal((await response.json()).code, "NOT_FOUND");
    }
  }, REPLIES);
});
