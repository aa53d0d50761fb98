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

/** A signal that counts its listeners. */
function countedSignal() {
  const controller = new AbortController();
  const { signal } = controller;
  const counts = { added: 0, left: 0 };
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    counts.added++;
    counts.left++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    counts.left--;
    remove(...args);
  };
  return { controller, signal, counts };
}

for (const intercepted of [false, true]) {
  const way = intercepted ? "through interceptors" : "straight";
  Deno.test(`a session leaves nothing on its signal, ${way}`, async () => {
    await using server = await serve("127.0.0.1:0", (router) => {
      router.method("/echo", { kind: "bidi_streaming" }, (requests) => requests);
    });
    await using channel = connect(
      server.addresses[0],
      intercepted ? { interceptors: [(next) => (call) => next(call)] } : {},
    );
    const { controller, signal, counts } = countedSignal();
    const ended = channel.session("/echo", { signal });
    await ended.send(new Uint8Array(1));
    assert.deepEqual(await ended.receive(), new Uint8Array(1));
    assert.equal(counts.left, 1);
    ended.closeSend();
    assert.equal(await ended.receive(), null);
    assert.equal(counts.left, 0);

    channel.session("/echo", { signal }).cancel();
    await using open = channel.session("/echo", { signal });
    await open.send(new Uint8Array(1));
    const received = open.receive().then(() => open.receive());
    const reason = new Error("enough");
    controller.abort(reason);
    await assert.rejects(received, { code: Status.CANCELLED, cause: reason });
    assert.ok(counts.added > 0);
    const late = channel.session("/echo", { signal });
    await assert.rejects(late.receive(), { code: Status.CANCELLED, cause: reason });
  });
}
