import assert from "node:assert/strict";
import { RpcError, Status } from "../../../mod.ts";
import { method, withApi } from "./annotated.ts";

const BODY = ".google.api.HttpBody";
const METHODS = [
  method("Echo", BODY, BODY, { post: "/v1/echo", body: "*" }),
  method("Upload", ".t.Upload", ".t.Upload", {
    put: "/v1/files/{name}",
    body: "file",
    response_body: "file",
  }),
  method("Get", ".t.All", BODY, { get: "/v1/get" }),
  method("Stream", ".t.All", BODY, { get: "/v1/stream" }, { serverStreaming: true }),
  method("Fail", ".t.All", BODY, { get: "/v1/fail" }, { serverStreaming: true }),
];

const base64 = (text: string) => new TextEncoder().encode(text).toBase64();

Deno.test("google/api/httpbody.proto: bodies of requests and responses are bytes of any type", async () => {
  await withApi(METHODS, async (api) => {
    const bytes = new Uint8Array([0, 255, 1, 254]);
    const headers = { "content-type": "image/png" };
    const echo = await api.fetch("/v1/echo", { method: "POST", headers, body: bytes });
    assert.equal(echo.headers.get("content-type"), "image/png");
    assert.deepEqual(await echo.bytes(), bytes);
    assert.deepEqual(api.last, {
      method: "Echo",
      request: { contentType: "image/png", data: "AP8B/g==" },
    });
    const upload = await api.fetch("/v1/files/a.txt", {
      method: "PUT",
      headers: { "content-type": "text/plain; charset=utf-8" },
      body: "hello",
    });
    assert.equal(upload.headers.get("content-type"), "text/plain; charset=utf-8");
    assert.equal(await upload.text(), "hello");
    assert.deepEqual(api.last.request, {
      name: "a.txt",
      file: { contentType: "text/plain; charset=utf-8", data: base64("hello") },
    });
    // By the name of the method, messages are JSON.
    const direct = await api.fetch("/t.Api/Echo", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"contentType":"a/b","data":"AA=="}',
    });
    assert.deepEqual(await direct.json(), { contentType: "a/b", data: "AA==" });
  });
});

Deno.test("a body of the service can't act as a page of the gateway", async () => {
  for (
    const [type, sent] of [
      ["text/html", "text/html"],
      ["image/svg+xml; charset=utf-8", "image/svg+xml; charset=utf-8"],
      ["", "application/octet-stream"],
      ["text/html\r\nset-cookie: a=b", "application/octet-stream"],
      ["text/html; é", "application/octet-stream"],
      ["html", "application/octet-stream"],
      [`text/${"a".repeat(300)}`, "application/octet-stream"],
    ]
  ) {
    const replies = {
      Get: [{ contentType: type, data: base64("<script>") }],
      Stream: [{ contentType: type, data: base64("<script>") }],
    };
    await withApi(METHODS, async ({ fetch }) => {
      for (const path of ["/v1/get", "/v1/stream"]) {
        const response = await fetch(path);
        assert.equal(response.headers.get("content-type"), sent);
        assert.equal(response.headers.get("x-content-type-options"), "nosniff");
        assert.match(response.headers.get("content-security-policy")!, /^sandbox;/);
        assert.equal(await response.text(), "<script>");
      }
    }, replies);
  }
});

Deno.test("a stream of HttpBody is one body, whose type is that of the first", async () => {
  const parts = ["a,b\n", "c,d\n", ""].map((text) => ({
    contentType: "text/csv",
    data: base64(text),
  }));
  const replies = {
    Stream: [parts[0], { ...parts[1], contentType: "" }, parts[2]],
    Fail: [parts[0], new RpcError(Status.DATA_LOSS, "gone")],
  };
  await withApi(METHODS, async ({ fetch }) => {
    const response = await fetch("/v1/stream", { headers: { accept: "text/event-stream" } });
    assert.equal(response.headers.get("content-type"), "text/csv");
    assert.equal(await response.text(), "a,b\nc,d\n");
    // No end of the response could be taken for its whole.
    const failed = await fetch("/v1/fail");
    await assert.rejects(failed.text(), /gone/);
  }, replies);
});
