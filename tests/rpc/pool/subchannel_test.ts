import assert from "node:assert/strict";
import { Status } from "../../../mod.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";
import { limitedDials } from "./limited_dials.ts";
import { hang } from "./hanging_call.ts";

Deno.test("a lost connection ends its calls and is replaced at once", async () => {
  await using network = new Network();
  const host = await network.up("a");
  const channel = network.connect("a");
  await channel.ready();
  await network.pass(5_000);
  const call = hang(channel, "k");
  await host.seen.wait("k started");
  host.streams[0].close();
  assert.equal((await failure(call)).code, Status.UNAVAILABLE);
  await network.until(() => channel.state === "READY");
  assert.equal(network.dials.length, 2);
  await channel.call("/suite/echo", EMPTY);
});

Deno.test("a failed extra dial does not delay the replacement of the only connection", async () => {
  await using network = new Network();
  const host = await network.up("a", {
    maxConnectionAgeMs: 600_000,
    limits: { maxConcurrentStreams: 2 },
  });
  const channel = network.connect("a");
  await channel.ready();
  // Three concurrent calls, two allowed: the pool dials one more connection, with a growing back-off.
  network.hosts.delete("a");
  const calls = [new AbortController(), new AbortController()];
  for (const { signal } of calls) hang(channel, "k", signal);
  const third = channel.call("/suite/echo", EMPTY);
  await network.pass(0);
  for (let i = 0; i < 300; i++) await network.pass(1_000);
  assert.ok(network.dials.length > 3, `${network.dials.length}`);
  assert.equal(channel.state, "READY");
  for (const call of calls) call.abort();
  await third;
  network.hosts.set("a", host);
  const { length } = network.dials;
  host.streams[0].close();
  await network.until(() => channel.state === "READY" && network.dials.length > length);
  await channel.call("/suite/echo", EMPTY);
});

Deno.test("failed extra connections are dialled again one at a time", async () => {
  await using network = new Network();
  await network.up("a");
  const channel = network.connect("a", limitedDials(network));
  await channel.ready();
  channel.resize(8);
  await network.settle();
  assert.equal(network.dials.length, 8);
  for (let i = 0; i < 10; i++) await network.pass(20_000);
  const times = network.dials.slice(8).map(({ atMs }) => atMs);
  assert.ok(times.length > 1, `${times}`);
  assert.equal(new Set(times).size, times.length, `${times}`);
});
