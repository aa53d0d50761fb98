import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync } from "node:fs";
import { connect, Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runtime } from "../../src/runtime/node.ts";
import { SocketConn } from "../../src/runtime/node/socket_conn.ts";
import { testRuntime } from "./suite.ts";

testRuntime("node", runtime);

Deno.test("node: vsock is lacking, and the error says what to do", async () => {
  assert.match((await runtime.lacks("vsock"))!, /has no vsock sockets; use /);
  await assert.rejects(runtime.connectVsock({ cid: 2, port: 5 }), /has no vsock sockets/);
  await assert.rejects(runtime.listenVsock({ cid: -1, port: 5 }), /has no vsock sockets/);
});

Deno.test("node: a socket that was closed before it is accepted rejects reads", async () => {
  const socket = new Socket();
  socket.destroy();
  await once(socket, "close");
  const conn = new SocketConn(socket);
  await assert.rejects(conn.read(new Uint8Array(8)), { code: "EBADF" });
});

Deno.test("node: connections beyond the backlog that nothing accepts are closed", async () => {
  const listener = await runtime.listenTcp("127.0.0.1", 0, { reusePort: false, backlog: 4 });
  const sockets: Socket[] = [];
  const closed: Promise<unknown>[] = [];
  for (let i = 0; i < 12; i++) {
    const socket = connect(listener.addr.port, "127.0.0.1");
    await once(socket, "connect");
    sockets.push(socket);
    socket.on("error", () => {}).resume();
    if (i >= 4) closed.push(new Promise((resolve) => socket.on("close", resolve)));
  }
  await Promise.all(closed);
  for (let i = 0; i < 4; i++) (await listener.accept()).close();
  listener.close();
  for (const socket of sockets) socket.destroy();
});

Deno.test("node: a lock that was left behind is taken over, once", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vrpc-lock-"));
  const left = join(folder, ".vrpc-lock", "left");
  mkdirSync(left, { recursive: true });
  assert.equal(await runtime.tryLock(folder), undefined);
  utimesSync(left, 1, 1);
  assert.equal(await runtime.tryLock(folder), undefined);
  {
    using lock = await runtime.tryLock(folder);
    assert.ok(lock);
    assert.equal(await runtime.tryLock(folder), undefined);
    assert.equal(await runtime.tryLock(folder), undefined);
  }
  assert.deepEqual(readdirSync(folder), []);
  rmSync(folder, { recursive: true });
});

Deno.test("node: of several threads that find a stale lock, one at a time holds it", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vrpc-lock-"));
  // Rounds begun; holders at this time; most holders at a time; threads that have finished a round.
  const shared = new Int32Array(new SharedArrayBuffer(16));
  const threads = Array.from({ length: 4 }, () => {
    const url = new URL("./locking_thread.ts", import.meta.url);
    const thread = new Worker(url, { type: "module" });
    thread.postMessage({ folder, shared });
    return thread;
  });
  for (let round = 1; round <= 50; round++) {
    const left = join(folder, ".vrpc-lock", `left-${round}`);
    mkdirSync(left, { recursive: true });
    utimesSync(left, 1, 1);
    Atomics.store(shared, 3, 0);
    Atomics.store(shared, 0, round);
    while (Atomics.load(shared, 3) < threads.length) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  }
  for (const thread of threads) thread.terminate();
  assert.equal(Atomics.load(shared, 2), 1);
  rmSync(folder, { recursive: true });
});
