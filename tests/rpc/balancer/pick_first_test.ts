import assert from "node:assert/strict";
import { interleaved } from "../../../src/rpc/balancer/pick_first.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { Network } from "../../fixtures/network.ts";

Deno.test("addresses are ordered so that their families alternate", () => {
  const order = (...texts: string[]) =>
    interleaved(texts.map((address) => ({ address }))).map((one) => one.address);
  assert.deepEqual(
    order("[::1]:1", "[::2]:1", "10.0.0.1:1", "10.0.0.2:1", "10.0.0.3:1"),
    ["[::1]:1", "10.0.0.1:1", "[::2]:1", "10.0.0.2:1", "10.0.0.3:1"],
  );
  assert.deepEqual(order("b:1", "a:1"), ["b:1", "a:1"]);
});

Deno.test("pick_first tries the next address 250 ms after one that does not answer", async () => {
  await using network = new Network();
  network.silent.add("a").add("b");
  await network.up("c");
  const channel = network.connect(["a", "b", "c", "d"], { balancer: "pick_first", poolSize: 1 });
  const call = channel.call("/suite/echo", EMPTY);
  await network.settle();
  assert.deepEqual(network.dials.map((one) => one.name), ["a"]);
  await network.pass(249);
  assert.equal(network.dials.length, 1);
  await network.pass(1);
  assert.deepEqual(network.dials.map((one) => one.name), ["a", "b"]);
  await network.pass(250);
  await call;
  assert.deepEqual(network.dials.map((one) => one.name), ["a", "b", "c"]);
  await network.until(() => channel.stats().connections.length === 1);
  assert.equal(channel.stats().connections[0].address, "c");
});

Deno.test("pick_first shuffles the addresses if its configuration says so", async () => {
  await using network = new Network();
  for (const name of ["a", "b", "c"]) await network.up(name);
  let seed = 0;
  const used = new Set<string>();
  for (let i = 0; i < 12; i++) {
    const channel = network.connect(
      ["a", "b", "c"],
      { balancer: { pick_first: { shuffleAddressList: true } } },
      () => (seed += 0.37) % 1,
    );
    await channel.call("/suite/echo", EMPTY);
    used.add(channel.stats().connections.find((one) => one.state === "ready")!.address);
  }
  assert.deepEqual([...used].sort(), ["a", "b", "c"]);
});
