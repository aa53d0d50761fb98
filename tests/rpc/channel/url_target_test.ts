import assert from "node:assert/strict";
import type { ChannelOptions } from "../../../src/rpc/channel/options.ts";
import { plainTarget } from "../../../src/rpc/channel/url_target.ts";

const WEB: ChannelOptions = { wire: "connect" };

Deno.test("URLs become addresses, TLS and a path", () => {
  const plain = (target: string | string[], options: ChannelOptions = WEB) => {
    const { addresses, options: { tls }, pathPrefix } = plainTarget(target, options);
    return [addresses.join(), tls, pathPrefix];
  };
  assert.deepEqual(plain("http://a.example"), ["a.example:80", undefined, ""]);
  assert.deepEqual(plain("https://a.example/"), ["a.example:443", true, ""]);
  assert.deepEqual(plain("HTTPS://A.example:8443/x/Y//"), ["a.example:8443", true, "/x/Y"]);
  assert.deepEqual(plain("http://[::1]:80"), ["[::1]:80", undefined, ""]);
  assert.deepEqual(plain("http://127.0.0.1:0"), ["127.0.0.1:0", undefined, ""]);
  assert.deepEqual(plain("https://a.example", { wire: "grpc" }), ["a.example:443", true, ""]);
  assert.deepEqual(plain(["https://a/p", "https://b:1/p"]), ["a:443,b:1", true, "/p"]);
  const tls = { ca: "x" };
  assert.deepEqual(plain("https://a", { ...WEB, tls }), ["a:443", tls, ""]);
});

Deno.test("other addresses stay as they are", () => {
  for (const target of ["127.0.0.1:1", "dns:///a:1", "unix:/http://a", ["a:1", "b:2"]]) {
    const options = { ...WEB };
    const plain = plainTarget(target, options);
    assert.deepEqual(plain.addresses, [target].flat());
    assert.equal(plain.options, options);
    assert.equal(plain.pathPrefix, "");
  }
});

Deno.test("URLs with parts that no call sends are a TypeError that names them", () => {
  const cases: [string | string[], ChannelOptions, RegExp][] = [
    ["http://", WEB, /"http:\/\/" is not a valid URL/],
    ["http://a:99999", WEB, /valid URL/],
    ["http://a b", WEB, /valid URL/],
    ["http://me:secret@a", WEB, /user information: use the option credentials/],
    ["http://a/?q", WEB, /a query or a fragment/],
    ["http://a/?", WEB, /a query or a fragment/],
    ["http://a/#f", WEB, /a query or a fragment/],
    ["http://a", { wire: "lean" }, /the wire is lean/],
    ["http://a/p", { wire: "grpc" }, /has a path/],
    ["http://a/p", {}, /has a path/],
    ["http://a", { ...WEB, tls: true }, /is http, and the option tls is set/],
    [["http://a", "https://b"], WEB, /"https:\/\/b" differs from "http:\/\/a"/],
    [["http://a/p", "http://b/q"], WEB, /differs/],
    [["http://a", "b:1"], WEB, /"b:1" is no URL/],
  ];
  for (const [target, options, message] of cases) {
    assert.throws(
      () => plainTarget(target, options),
      (error) => error instanceof TypeError && message.test(error.message),
      String(target),
    );
  }
});

Deno.test("connect says what it takes in place of a port and of other values", () => {
  assert.throws(() => plainTarget(50051 as never, {}), {
    name: "TypeError",
    message: "Cannot connect to 50051: connect takes an address or a list of them, such as " +
      '"127.0.0.1:50051", "unix:/run/app.sock" or "https://api.example"',
  });
  const cases = [[undefined, "undefined"], [null, "null"], [{}, "object"], [
    new URL("http://a"),
    "a URL object",
  ]];
  for (const [given, shown] of cases) {
    assert.throws(() => plainTarget(given as never, {}), {
      name: "TypeError",
      message: new RegExp(`^Cannot connect to ${shown}: connect takes `),
    });
  }
});
