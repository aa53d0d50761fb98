import assert from "node:assert/strict";
import { Status } from "../../../mod.ts";
import { memoryPair } from "../../../src/transport/memory.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";
import { hang } from "./hanging_call.ts";

Deno.test("a dial without an answer fails after connectTimeoutMs", async () => {
  await using network = new Network();
  network.silent.add("a");
  const channel = network.connect("a", { connectTimeoutMs: 3_000 });
  const call = failure(channel.call("/suite/echo", EMPTY));
  await network.settle();
  assert.equal(channel.state, "CONNECTING");
  await network.pass(3_000);
  assert.match((await call).message, /Cannot connect to a: timed out after 3000 ms/);
});

Deno.test("a server that sends nothing after the dial fails the connection after connectTimeoutMs", async () => {
  await using network = new Network();
  const [here, there] = memoryPair();
  const channel = network.connect("a", {
    connectTimeoutMs: 3_000,
    dial: () => Promise.resolve(here),
  });
  const call = failure(channel.call("/suite/echo", EMPTY));
  await network.settle();
  await network.pass(3_000);
  assert.equal((await call).code, Status.UNAVAILABLE);
  there.close();
});

const FOREIGN: [name: string, said: string, wire: "grpc" | "lean", text: RegExp][] = [
  ["nothing", "", "grpc", /^Cannot connect to a: The peer closed the connection$/],
  ["nothing, on lean", "", "lean", /^Cannot connect to a: The peer closed the connection$/],
  [
    "HTTP/1",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "grpc",
    /^Cannot connect to a: .* speaks HTTP\/1$/,
  ],
  [
    "HTTP/1, on lean",
    "HTTP/1.1 400 Bad Request\r\n\r\n",
    "lean",
    /^Cannot connect to a: .* the peer seems to use HTTP\/1$/,
  ],
  ["a TLS alert", "\x15\x03\x03\0\x02\x02\x46", "grpc", /^Cannot connect to a: .* speaks TLS$/],
  ["SSH", "SSH-2.0-OpenSSH_9.2\r\n", "grpc", /^Cannot connect to a: .* does not speak HTTP\/2$/],
];

for (const [name, said, wire, text] of FOREIGN) {
  Deno.test(`the error of a server that sends ${name} and closes names the reason`, async () => {
    await using network = new Network();
    const [here, there] = memoryPair();
    const channel = network.connect("a", { wire, dial: () => Promise.resolve(here) });
    const call = failure(channel.call("/suite/echo", EMPTY));
    await there.read(new Uint8Array(4096));
    if (said !== "") await there.write(new TextEncoder().encode(said));
    await there.closeWrite();
    const error = await call;
    assert.equal(error.code, Status.UNAVAILABLE);
    assert.match(error.message, text);
    there.close();
  });
}

Deno.test("open calls stay on a draining connection, new ones start on another", async () => {
  await using network = new Network();
  const first = await network.up("a");
  const channel = network.connect("a", { poolSize: 1 });
  const controller = new AbortController();
  const old = hang(channel, "k", controller.signal);
  await first.seen.wait("k started");
  await network.pass(2_000);
  const second = await network.up("a");
  const shutdown = first.server.shutdown({ graceMs: 5_000 });
  await network.until(() => second.streams.length === 1);
  await network.until(() => channel.state === "READY");
  assert.equal(untext(await channel.call("/suite/echo", text("new"))), "new");
  const states = channel.stats().connections.map((one) => one.state).sort();
  assert.deepEqual(states, ["draining", "ready"]);
  controller.abort();
  assert.equal((await failure(old)).code, Status.CANCELLED);
  await shutdown;
});

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`connectTimeoutMs covers the server's first settings, ${wire}`, async () => {
    for (const connectTimeoutMs of [undefined, 25_000]) {
      await using network = new Network();
      const [here, there] = memoryPair();
      const channel = network.connect("a", {
        wire,
        connectTimeoutMs,
        dial: () => Promise.resolve(here),
      });
      const call = failure(channel.call("/suite/echo", EMPTY));
      await there.read(new Uint8Array(4096));
      for (let ms = 1_000; ms < (connectTimeoutMs ?? 20_000); ms += 1_000) {
        await network.pass(1_000);
      }
      assert.equal(channel.state, "CONNECTING");
      await network.pass(1_000);
      assert.match((await call).message, /^Cannot connect to a: timed out after \d+ ms$/);
      there.close();
    }
  });
}
