import assert from "node:assert/strict";
import { checkWebOptions, webSettings } from "../../../src/rpc/server/web_options.ts";

Deno.test("checkWebOptions() names the option that is wrong", () => {
  const origins = ["https://app.example", "http://localhost:5173", "http://[::1]:80", "*"];
  checkWebOptions({ cors: { origins, headers: ["x-a", "*"], exposedHeaders: ["x-b"] } });
  checkWebOptions(true);
  const cases: [unknown, RegExp][] = [
    [{ core: 1 }, /option core: web of serve .*did you mean cors/],
    [{ cors: { origins: ["app.example"] } }, /"app\.example" in web\.cors\.origins/],
    [{ cors: { origins: ["https://a/"] } }, /use the form https:\/\/app\.example/],
    [{ cors: { origins: ["https://*.app.example"] } }, /"https:\/\/\*\.app\.example" in web/],
    [{ cors: { origins: ["https://a%zz"] } }, /"https:\/\/a%zz" in web\.cors\.origins/],
    [{ cors: { origins: ["null"] } }, /"null" in web\.cors\.origins/],
    [{ cors: { origins: "*" } }, /must be a list/],
    [{ cors: { origins: [], headers: ["a b"] } }, /web\.cors\.headers/],
    [{ cors: { origins: ["*"], credentials: true } }, /credentials/],
    [{ cors: { origins: [], credentials: true, exposedHeaders: ["*"] } }, /exposedHeaders/],
    [{ cors: { origins: [], maxAgeMs: -1 } }, /web\.cors\.maxAgeMs/],
    [{ keepAliveTimeoutMs: 0 }, /web\.keepAliveTimeoutMs/],
  ];
  for (const [options, message] of cases) {
    assert.throws(() => checkWebOptions(options as never), message);
  }
});

Deno.test("webSettings() takes the limits of the server for HTTP/1.1", () => {
  assert.equal(webSettings(false, {}), undefined);
  assert.equal(webSettings(undefined, {}), undefined);
  const limits = { maxHeaderListBytes: 2_000, maxHeaderFields: 20, stallTimeoutMs: 7 };
  const { http1 } = webSettings({ requestTimeoutMs: 5 }, limits, 1_000)!;
  assert.equal(http1.maxHeaderBytes, 2_000);
  assert.equal(http1.maxHeaderFields, 20);
  assert.equal(http1.stallTimeoutMs, 7);
  assert.equal(http1.requestTimeoutMs, 5);
  assert.equal(http1.keepAliveTimeoutMs, 1_000);
  assert.equal(http1.headersTimeoutMs, 10_000);
  assert.deepEqual(webSettings(true, {})!.cors.origins, []);
});

Deno.test("origins are compared as browsers send them", () => {
  for (
    const [given, sent] of [
      ["HTTPS://App.Example:443", "https://app.example"],
      ["http://localhost:80", "http://localhost"],
      ["http://localhost:8080", "http://localhost:8080"],
      ["https://b\u00fccher.example", "https://xn--bcher-kva.example"],
      ["http://[0:0::1]:80", "http://[::1]"],
      ["chrome-extension://AbC", "chrome-extension://abc"],
      ["*", "*"],
    ]
  ) {
    checkWebOptions({ cors: { origins: [given] } });
    const { cors } = webSettings({ cors: { origins: [given] } }, {})!;
    assert.deepEqual(cors.origins, [sent]);
  }
});
