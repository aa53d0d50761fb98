import assert from "node:assert/strict";
import { LeastRequestPicker } from "../../../src/rpc/balancer/least_request.ts";
import { RoundRobinPicker } from "../../../src/rpc/balancer/round_robin.ts";
import type { BalancerSubchannel } from "../../../src/rpc/balancer/types.ts";
import { pickOfSeveral } from "../../../src/rpc/pool/connection_choice.ts";
import { connect } from "../../../mod.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { Network } from "../../fixtures/network.ts";
import { hang } from "./hanging_call.ts";

interface Peer extends BalancerSubchannel {
  free: boolean;
  load: number;
  picked: number;
}

const peers = (...loads: number[]): Peer[] =>
  loads.map((load) => ({ free: true, load, picked: 0 }) as Peer);

function random(seed = 1): () => number {
  return () => (seed = seed * 16_807 % 2_147_483_647) / 2_147_483_647;
}

Deno.test("round_robin picks subchannels in turn and skips full ones", () => {
  const three = peers(0, 0, 0);
  const picker = new RoundRobinPicker(three);
  const pick = () => (picker.pick() as Peer).picked++;
  for (let i = 0; i < 9; i++) pick();
  assert.deepEqual(three.map((one) => one.picked), [3, 3, 3]);
  three[1].free = false;
  for (let i = 0; i < 4; i++) pick();
  assert.deepEqual(three.map((one) => one.picked), [5, 3, 5]);
});

Deno.test("least_request keeps loads even by comparing two subchannels", () => {
  const many = peers(...Array.from({ length: 20 }, () => 0));
  const picker = new LeastRequestPicker(many, 2, random());
  for (let i = 0; i < 2_000; i++) (picker.pick() as Peer).load++;
  const loads = many.map((one) => one.load);
  assert.ok(Math.max(...loads) - Math.min(...loads) <= 6, `${loads}`);
});

Deno.test("least_request never picks the busiest subchannel", () => {
  const three = peers(1, 2, 9);
  const picker = new LeastRequestPicker(three, 2, random());
  for (let i = 0; i < 200; i++) (picker.pick() as Peer).picked++;
  assert.equal(three[2].picked, 0);
  assert.ok(three[0].picked > three[1].picked);
});

Deno.test("every picker finds the only free subchannel, and returns undefined without one", () => {
  const some = peers(0, 0, 7, 0);
  const pickers = {
    round_robin: new RoundRobinPicker(some),
    least_request: new LeastRequestPicker(some, 2, random()),
    "several choices": new LeastRequestPicker(some, 5, random()),
    "connections of a subchannel": { pick: () => pickOfSeveral(some, random()) },
  };
  for (const [name, picker] of Object.entries(pickers)) {
    for (const one of some) one.free = one.load === 7;
    for (let i = 0; i < 20; i++) assert.equal(picker.pick(), some[2], name);
    some[2].free = false;
    assert.equal(picker.pick(), undefined);
  }
});

Deno.test("a policy that is not known is a TypeError", () => {
  assert.throws(() => connect("127.0.0.1:1", { balancer: "random" }), TypeError);
  assert.throws(() => connect("127.0.0.1:1", { balancer: { random: {} } }), TypeError);
});

Deno.test("round_robin uses all addresses, and skips one that is lost", async () => {
  await using network = new Network();
  for (const name of ["a", "b", "c"]) await network.up(name);
  const channel = network.connect(["a", "b", "c"], { balancer: "round_robin", poolSize: 1 });
  await channel.ready();
  await Promise.all(Array.from({ length: 30 }, () => channel.call("/suite/echo", EMPTY)));
  const started = () => channel.stats().connections.map((one) => one.callsStarted);
  assert.deepEqual(started(), [10, 10, 10]);
  await network.down("b");
  await network.until(() => channel.stats().connections.length === 2);
  await Promise.all(Array.from({ length: 30 }, () => channel.call("/suite/echo", EMPTY)));
  assert.deepEqual(started(), [25, 25]);
});

Deno.test("least_request avoids the busy address", async () => {
  await using network = new Network();
  for (const name of ["a", "b"]) await network.up(name);
  let seed = 1;
  const random = () => (seed = seed * 16_807 % 2_147_483_647) / 2_147_483_647;
  const channel = network.connect(["a", "b"], { poolSize: 1 }, random);
  await channel.ready();
  const controller = new AbortController();
  for (let i = 0; i < 10; i++) hang(channel, `k${i}`, controller.signal);
  assert.deepEqual(channel.stats().connections.map((one) => one.activeCalls), [5, 5]);
  controller.abort();
});
