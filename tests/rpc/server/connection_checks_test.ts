import assert from "node:assert/strict";
import { contradicts, isClose } from "../../../src/rpc/server/connection_checks.ts";

Deno.test("a connection may not speak another protocol than TLS negotiated", () => {
  for (
    const [alpn, wire] of [["h2", "grpc"], ["vrpc-lean/1", "lean"], ["http/1.1", "http1"]] as const
  ) {
    assert.equal(contradicts(alpn, wire), false);
    // Without ALPN, or with a protocol of somebody else's, nothing was agreed.
    assert.equal(contradicts(undefined, wire), false);
    assert.equal(contradicts("acme-tls/1", wire), false);
  }
  assert.equal(contradicts("h2", "lean"), true);
  assert.equal(contradicts("http/1.1", "grpc"), true);
  assert.equal(contradicts("vrpc-lean/1", "http1"), true);
});

Deno.test("a handshake that a port probe ends is told from one that fails", () => {
  const failure = (code: string) =>
    new Error("handshake", { cause: Object.assign(new Error(code), { code }) });
  assert.equal(isClose(failure("ECONNRESET")), true);
  assert.equal(isClose(failure("ERR_SSL_NO_SHARED_CIPHER")), false);
  assert.equal(isClose(new Error("no cause")), false);
  assert.equal(isClose("text"), false);
});
