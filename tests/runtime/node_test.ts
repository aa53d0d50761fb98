import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, utimesSync } from "node:fs";
import { Socket } from "node:net";
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

Deno.test("node: a lock that was left behind is taken over", async () => {
  const folder = mkdtempSync(join(tmpdir(), "vrpc-lock-"));
  mkdirSync(join(folder, ".vrpc-lock"));
  assert.equal(await runtime.tryLock(folder), undefined);
  utimesSync(join(folder, ".vrpc-lock"), 1, 1);
  assert.equal(await runtime.tryLock(folder), undefined);
  using lock = await runtime.tryLock(folder);
  assert.ok(lock);
  rmSync(folder, { recursive: true });
});
