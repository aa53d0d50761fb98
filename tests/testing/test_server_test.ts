import assert from "node:assert/strict";
import { Echo } from "../../proto/gen/bench/echo_pb.ts";
import { Status } from "../../mod.ts";
import { testServer } from "../../src/testing/mod.ts";
import { EMPTY, text, untext } from "../fixtures/bytes.ts";
import { failure } from "../../src/testing/failure.ts";

Deno.test("a typed client in one line, on a name in memory of its own", async () => {
  await using one = await testServer((router) => router.service(Echo, { unary: (r) => r }));
  await using other = await testServer((router) => router.method("/x", {}, () => text("other")));
  assert.notEqual(one.address, other.address);
  assert.match(one.address, /^memory:/);
  assert.equal(untext((await one.client(Echo).unary({ payload: text("hi") })).payload), "hi");
  assert.equal(untext(await other.channel.call("/x", EMPTY)), "other");
});

Deno.test("options of server and channels, on a port too", async () => {
  await using test = await testServer((router) => {
    router.method("/who", {}, (_request, { authority, wire }) => text(`${wire} ${authority}`));
  }, { address: "127.0.0.1:0", connect: { wire: "lean" } });
  assert.equal(untext(await test.channel.call("/who", EMPTY)).split(" ")[0], "lean");
  const grpc = test.connect({ wire: "grpc" });
  assert.equal(untext(await grpc.call("/who", EMPTY)), `grpc ${test.address}`);
});

Deno.test("a server that cannot be made leaves nothing behind", async () => {
  await assert.rejects(
    testServer(() => {}, { address: "memory:half", connect: { timeoutMs: -1 } }),
    RangeError,
  );
  await using again = await testServer(() => {}, { address: "memory:half" });
  assert.equal(again.address, "memory:half");
});

Deno.test("disposal closes the channels and then the server", async () => {
  const test = await testServer((router) => router.method("/x", {}, () => EMPTY));
  const second = test.connect();
  await second.call("/x", EMPTY);
  await test[Symbol.asyncDispose]();
  assert.equal(second.state, "SHUTDOWN");
  assert.equal((await failure(second.call("/x", EMPTY))).code, Status.UNAVAILABLE);
  await test.server.finished;
});
