import assert from "node:assert/strict";
import { connect } from "../../src/browser/mod.ts";
import { channelSettings, webSocketUrl } from "../../src/browser/options.ts";

Deno.test("URLs of pages are turned into those of WebSockets", () => {
  for (
    const [url, expected] of [
      ["https://a.example", "wss://a.example/"],
      ["http://a.example:8080/path?query#hash", "ws://a.example:8080/path?query"],
      ["wss://a.example/", "wss://a.example/"],
      [new URL("ws://a.example/x"), "ws://a.example/x"],
    ] as const
  ) assert.equal(webSocketUrl(url), expected);
  for (const url of ["/relative", "ftp://a.example", "a.example:80", ""]) {
    assert.throws(() => webSocketUrl(url), TypeError, url);
  }
});

Deno.test("relative URLs refer to the page", () => {
  Object.assign(globalThis, { location: { href: "https://a.example/dir/page" } });
  try {
    assert.equal(webSocketUrl("/vrpc"), "wss://a.example/vrpc");
    assert.equal(webSocketUrl(""), "wss://a.example/dir/page");
  } finally {
    Object.assign(globalThis, { location: undefined });
  }
});

Deno.test("options have defaults, and are checked", () => {
  const { webSocket, ...settings } = channelSettings({});
  assert.equal(webSocket, WebSocket);
  assert.deepEqual(settings, {
    timeoutMs: Infinity,
    connectTimeoutMs: 20_000,
    maxReceiveMessageBytes: 4_194_304,
    keepaliveTimeMs: 300_000,
  });
  const wrong: [Record<string, unknown>, typeof TypeError | typeof RangeError][] = [
    [{ timeoutMs: 0 }, RangeError],
    [{ connectTimeoutMs: 0 }, RangeError],
    [{ maxReceiveMessageBytes: 1.5 }, RangeError],
    [{ keepaliveTimeMs: 9_999 }, RangeError],
    [{ timeout: 5 }, TypeError],
  ];
  for (const [options, kind] of wrong) {
    assert.throws(() => connect("ws://a.example", options), kind, JSON.stringify(options));
  }
});
