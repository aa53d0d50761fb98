import assert from "node:assert/strict";
import { makePicker } from "../../../src/rpc/pool/balancer.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { Network } from "../../fixtures/network.ts";
import { hang } from "./hanging_call.ts";

interface Peer {
  free: boolean;
  load: number;
  picked: number;
}

const peers = (...loads: number[]): Peer[] =>
  loads.map((load) => ({ free: true, load, picked: 0 }));

function random(seed = 1): () => number {
  return () => (seed = seed * 16_807 % 2_147_483_647) / 2_147_483_647;
}

Deno.test("round_robin picks connections in turn and skips full ones", () => {
  const pick = makePicker("round_robin", random());
  const three = peers(0, 0, 0);
  for (let i = 0; i < 9; i++) pick(three)!.picked++;
  assert.deepEqual(three.map((one) => one.picked), [3, 3, 3]);
  three[1].free = false;
  for (let i = 0; i < 4; i++) pick(three)!.picked++;
  assert.deepEqual(three.map((one) => one.picked), [5, 3, 5]);
  // Shorter than before.
  assert.ok(pick(three.slice(0, 1)));
});

Deno.test("least_request keeps loads even by comparing two connections", () => {
  const pick = makePicker("least_request", random());
  const many = peers(...Array.from({ length: 20 }, () => 0));
  for (let i = 0; i < 2_000; i++) pick(many)!.load++;
  const loads = many.map((one) => one.load);
  assert.ok(Math.max(...loads) - Math.min(...loads) <= 6, `${loads}`);
});

Deno.test("least_request never picks the busiest connection", () => {
  const pick = makePicker("least_request", random());
  const three = peers(1, 2, 9);
  for (let i = 0; i < 200; i++) pick(three)!.picked++;
  assert.equal(three[2].picked, 0);
  assert.ok(three[0].picked > three[1].picked);
});

Deno.test("every policy finds the only free connection, and returns undefined without one", () => {
  for (const policy of ["pick_first", "round_robin", "least_request"] as const) {
    const pick = makePicker(policy, random());
    const some = peers(0, 0, 7, 0);
    for (const one of some) one.free = one.load === 7;
    for (let i = 0; i < 20; i++) assert.equal(pick(some), some[2], policy);
    some[2].free = false;
    assert.equal(pick(some), undefined);
    assert.equal(pick([]), undefined);
  }
  assert.throws(() => makePicker("random" as "pick_first", random()), TypeError);
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
