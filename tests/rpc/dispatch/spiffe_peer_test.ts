import assert from "node:assert/strict";
import {
  authorize,
  connect,
  principalOf,
  type RpcError,
  serve,
  spiffePeer,
  Status,
} from "../../../mod.ts";
import { createAuthority } from "../../../src/transport/certs.ts";

const NOTHING = new Uint8Array();

Deno.test("spiffePeer() allows callers by the ID of their certificate", async () => {
  const authority = await createAuthority();
  const identity = await authority.issueServer();
  await using server = await serve("127.0.0.1:0", (router) => {
    const whoami = (_: Uint8Array, context: Parameters<typeof principalOf>[0]) =>
      new TextEncoder().encode(principalOf(context));
    router.method("/a.One/Get", {}, whoami);
    router.method("/a.Two/Get", {}, whoami);
  }, {
    tls: { ...identity, clientCa: authority.cert, clientAuth: "request" },
    interceptors: [authorize({
      "/a.One/*": spiffePeer("spiffe://example.org/web", "spiffe://other.org/x"),
      "*": spiffePeer("spiffe://example.org/ns/*"),
    })],
  });
  const outcome = async (path: string, uris?: readonly string[]) => {
    const own = uris && await authority.issueClient({ uris });
    await using channel = connect(server.addresses[0], {
      tls: {
        ca: authority.cert,
        serverName: "localhost",
        ...(own && { cert: own.cert, key: own.key }),
      },
    });
    return await channel.call(path, NOTHING).then(
      (reply) => new TextDecoder().decode(reply),
      (error: RpcError) => error.code,
    );
  };
  const web = "spiffe://example.org/web";
  assert.equal(await outcome("/a.One/Get", [web]), web);
  assert.equal(await outcome("/a.Two/Get", [web]), Status.PERMISSION_DENIED);
  const inside = "spiffe://example.org/ns/a/sa/b";
  assert.equal(await outcome("/a.Two/Get", [inside]), inside);
  assert.equal(await outcome("/a.Two/Get", ["spiffe://example.org/nsx"]), Status.PERMISSION_DENIED);
  assert.equal(await outcome("/a.One/Get", [web, inside]), Status.UNAUTHENTICATED);
  assert.equal(await outcome("/a.One/Get", []), Status.UNAUTHENTICATED);
  assert.equal(await outcome("/a.One/Get"), Status.UNAUTHENTICATED);
});

Deno.test("spiffePeer() throws without IDs, and for what is none", () => {
  assert.throws(() => spiffePeer(), TypeError);
  for (const id of ["example.org", "spiffe://Example.org", "spiffe://a/*/b", 1 as never]) {
    assert.throws(() => spiffePeer(id), /must be a SPIFFE ID/);
  }
});
