import assert from "node:assert/strict";
import { connect, RpcError, serve, Status } from "../../../mod.ts";

for (const intercepted of [false, true]) {
  const way = intercepted ? "through interceptors" : "straight";
  Deno.test(`send() of a session rejects after the server has failed it, ${way}`, async () => {
    await using server = await serve("127.0.0.1:0", (router) => {
      router.method("/refuse", { kind: "bidi_streaming" }, async function* (requests) {
        for await (const _ of requests) throw new RpcError(Status.PERMISSION_DENIED, "no");
        yield new Uint8Array(0);
      });
    });
    await using channel = connect(
      server.addresses[0],
      intercepted ? { interceptors: [(next) => (call) => next(call)] } : {},
    );
    const session = channel.session("/refuse");
    await session.send(new Uint8Array(1)).catch(() => {});
    await assert.rejects(session.receive(), { code: Status.PERMISSION_DENIED });
    await assert.rejects(session.send(new Uint8Array(1)), RpcError);
    await assert.rejects(session.send(new Uint8Array(1)), RpcError);
  });
}
