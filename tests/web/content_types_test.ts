import assert from "node:assert/strict";
import { formatContentType, webContentType } from "../../src/web/content_types.ts";

Deno.test("webContentType() tells protocol and message format", () => {
  const cases: [string, string, string, boolean][] = [
    ["application/grpc-web", "grpc-web", "", false],
    ["application/grpc-web+proto", "grpc-web", "proto", false],
    ["Application/gRPC-Web+JSON; charset=utf-8", "grpc-web", "json", false],
    ["application/grpc-web-text", "grpc-web", "", true],
    ["application/grpc-web-text+proto", "grpc-web", "proto", true],
    ["application/proto", "connect-unary", "proto", false],
    ["application/json;charset=utf-8", "connect-unary", "json", false],
    ['application/json; a=b; charset="UTF8"', "connect-unary", "json", false],
    ["application/json; charset = utf-8 ; a=b", "connect-unary", "json", false],
    ["application/connect+json", "connect-stream", "json", false],
    ["application/foo", "connect-unary", "foo", false],
  ];
  for (const [type, protocol, format, text] of cases) {
    assert.deepEqual(webContentType(type), { protocol, format, text }, type);
  }
  for (
    const other of [
      ...["application/grpc", "application/grpc+proto", "image/jpeg", "", "application/"],
      ...["text/html", "application/a+b", "multipart/form-data"],
      ...["application/json; charset=utf-16", 'application/json;a=b;charset="latin1"'],
    ]
  ) {
    assert.equal(webContentType(other), undefined, other);
  }
});

Deno.test("formatContentType() names the format of the response", () => {
  for (
    const type of [
      ...["application/grpc-web+json", "application/grpc-web-text+proto", "application/proto"],
      "application/connect+json",
    ]
  ) {
    assert.equal(formatContentType(webContentType(type)!), type);
  }
  const bare = webContentType("application/grpc-web")!;
  assert.equal(formatContentType(bare), "application/grpc-web+proto");
});
