import assert from "node:assert/strict";
import { frozenPeer } from "../../../src/rpc/server/frozen_peer.ts";

Deno.test("a frozen peer equals the stream's, which it leaves as it is", () => {
  const peer = {
    address: "127.0.0.1:1",
    transport: "tls",
    tls: { authorized: true, subject: "a", subjectAltNames: ["DNS:a"] },
  };
  const frozen = frozenPeer(peer);
  assert.deepEqual(frozen, peer);
  for (const part of [frozen, frozen.tls, frozen.tls!.subjectAltNames]) {
    assert.equal(Object.isFrozen(part), true);
  }
  for (const part of [peer, peer.tls, peer.tls.subjectAltNames]) {
    assert.equal(Object.isFrozen(part), false);
  }
});

Deno.test("a frozen peer has no fields that the stream's has not", () => {
  assert.deepEqual(frozenPeer({ address: "vsock:3:9", transport: "vsock", vsockCid: 3 }), {
    address: "vsock:3:9",
    transport: "vsock",
    vsockCid: 3,
  });
  const tls = { authorized: false };
  const frozen = frozenPeer({ address: "127.0.0.1:1", transport: "tls", tls });
  assert.deepEqual(frozen.tls, tls);
});
