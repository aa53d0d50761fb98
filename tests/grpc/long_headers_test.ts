/** Status texts and metadata that are longer than the peer takes cost their call at most, never its neighbours. */

import assert from "node:assert/strict";
import { connect, RpcError, serve, Status } from "../../mod.ts";

// Not what Huffman coding makes much shorter.
const LONG = "{|}~^#".repeat(50_000);

Deno.test("long status messages, metadata, headers and trailers do not affect other calls of the connection", async () => {
  const address = `memory:${crypto.randomUUID()}`;
  const release = Promise.withResolvers<void>();
  await using _server = await serve(address, (router) => {
    const done = new Uint8Array(1);
    router.method("/x/Wait", {}, () => release.promise.then(() => done));
    router.method("/x/Echo", {}, (request) => request);
    router.method("/x/Text", {}, () => {
      throw new RpcError(Status.NOT_FOUND, LONG);
    });
    router.method("/x/Umlauts", {}, () => {
      throw new RpcError(Status.NOT_FOUND, "ä".repeat(300_000));
    });
    router.method("/x/Details", {}, () => {
      const value = new Uint8Array(300_000);
      throw new RpcError(Status.NOT_FOUND, "no", { details: [{ typeUrl: "a/b.C", value }] });
    });
    router.method("/x/Headers", {}, (_, context) => {
      context.responseHeaders.set("big", LONG);
      return done;
    });
    router.method("/x/Trailers", {}, (_, context) => {
      context.responseTrailers.set("big", LONG);
      return done;
    });
  });
  await using channel = connect(address);
  const body = new Uint8Array(1);
  const neighbour = channel.call("/x/Wait", body);
  const fails = async (path: string, code: Status, metadata?: Record<string, string>) => {
    const error = await channel.call(path, body, { metadata }).then(() => undefined, (e) => e);
    assert.ok(error instanceof RpcError, path);
    assert.equal(error.code, code, `${path}: ${error.message.slice(0, 200)}`);
    return error.message;
  };
  assert.equal(await fails("/x/Text", Status.NOT_FOUND), LONG.slice(0, 8_192));
  assert.match(await fails("/x/Umlauts", Status.NOT_FOUND), /^ä{1365}\ufffd?$/);
  assert.equal(await fails("/x/Details", Status.NOT_FOUND), "no");
  assert.match(await fails("/x/Headers", Status.INTERNAL), /the client accepts 16384/);
  assert.match(await fails("/x/Trailers", Status.INTERNAL), /the client accepts 16384/);
  assert.match(
    await fails("/x/Echo", Status.RESOURCE_EXHAUSTED, { big: LONG }),
    /the server accepts 16384/,
  );
  await channel.call("/x/Echo", body, { metadata: { fits: LONG.slice(0, 15_000) } });
  release.resolve();
  await neighbour;
});
