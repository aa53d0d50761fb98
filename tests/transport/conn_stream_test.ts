import assert from "node:assert/strict";
import type { RawConn } from "../../src/runtime/types.ts";
import { ConnStream } from "../../src/transport/conn_stream.ts";

const PEER = { address: "10.0.0.1:5", transport: "tcp" };

function connOf(methods: Partial<RawConn>): RawConn {
  return {
    read: () => Promise.resolve(null),
    write: (data) => Promise.resolve(data.length),
    closeWrite: () => Promise.resolve(),
    close() {},
    unref() {},
    ...methods,
  };
}

Deno.test("ConnStream passes reads and writes through", async () => {
  const stream = new ConnStream(connOf({ read: () => Promise.resolve(3) }), PEER, "here");
  assert.equal(await stream.read(new Uint8Array(8)), 3);
  assert.equal(await stream.write(new Uint8Array(5)), 5);
  assert.equal(stream.localAddress, "here");
});

Deno.test("ConnStream names the peer and the reason of a failure", async () => {
  const read = () => Promise.reject(new Deno.errors.ConnectionReset("x"));
  const stream = new ConnStream(connOf({ read }), PEER, "here");
  await assert.rejects(stream.read(new Uint8Array(1)), {
    name: "TransportError",
    message: "Connection with 10.0.0.1:5 broke: the peer reset the connection",
  });
  const worded = new ConnStream(connOf({ read }), PEER, "here", { reason: () => "worded" });
  await assert.rejects(worded.read(new Uint8Array(1)), /broke: worded$/);
  stream.close();
  await assert.rejects(stream.read(new Uint8Array(1)), /broke: it was closed here$/);
});

Deno.test("an early end is an error before the first byte only", async () => {
  const early = new ConnStream(connOf({}), PEER, "here", { earlyEnd: "rejected" });
  await assert.rejects(early.read(new Uint8Array(1)), /broke: rejected$/);
  const counts = [1, null];
  const read = () => Promise.resolve(counts.shift()!);
  const later = new ConnStream(connOf({ read }), PEER, "here", { earlyEnd: "rejected" });
  assert.equal(await later.read(new Uint8Array(1)), 1);
  assert.equal(await later.read(new Uint8Array(1)), null);
});

Deno.test("closeWrite() of a connection that the peer has closed succeeds", async () => {
  const closeWrite = () => Promise.reject(new Deno.errors.NotConnected("x"));
  await new ConnStream(connOf({ closeWrite }), PEER, "here").closeWrite();
});

Deno.test("close() closes once and never throws", () => {
  let closes = 0;
  const close = () => {
    closes++;
    throw new Error("closed");
  };
  const stream = new ConnStream(connOf({ close }), PEER, "here");
  stream.close();
  stream.close();
  assert.equal(closes, 1);
});

Deno.test("ConnStream is released once its read and its write have settled", async () => {
  const [reading, writing] = [Promise.withResolvers<null>(), Promise.withResolvers<number>()];
  const stream = new ConnStream(
    connOf({ read: () => reading.promise, write: () => writing.promise }),
    PEER,
    "here",
  );
  const ended = [stream.read(new Uint8Array(1)), stream.write(new Uint8Array(1))].map((one) =>
    assert.rejects(one, /it was closed here/)
  );
  stream.close();
  let released = false;
  const release = stream.released().then(() => released = true);
  reading.reject(new Deno.errors.Interrupted("x"));
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(released, false);
  writing.reject(new Deno.errors.Interrupted("x"));
  await release;
  await Promise.all(ended);
});
