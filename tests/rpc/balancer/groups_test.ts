import assert from "node:assert/strict";
import { FakeHost } from "./fake_host.ts";

const at = (address: string, ...path: string[]) => ({ address, attributes: { path } });
const rr = [{ round_robin: {} }];

Deno.test("weighted_target splits calls by weight, without groups that fail", () => {
  const host = new FakeHost();
  const balancer = host.make("weighted_target", {
    targets: { x: { weight: 90, childPolicy: rr }, y: { weight: 10, childPolicy: rr } },
  });
  balancer.update([at("a", "x"), at("b", "y"), { address: "nowhere" }]);
  assert.equal(host.state, "CONNECTING");
  host.setAll("READY");
  const counts = host.count(10_000);
  assert.ok(Math.abs(counts.a - 9_000) < 200, `${counts.a}`);
  assert.equal(counts.a + counts.b, 10_000);
  host.at("a").set("TRANSIENT_FAILURE");
  assert.deepEqual(host.count(10), { b: 10 });
  host.at("b").set("TRANSIENT_FAILURE");
  assert.equal(host.state, "TRANSIENT_FAILURE");
  // A group removed from the configuration is closed.
  balancer.update([at("b", "y")], { targets: { y: { weight: 1, childPolicy: rr } } } as never);
  assert.ok(host.all.find((one) => one.address === "a")!.closed);
  host.at("b").set("READY");
  assert.deepEqual(host.count(10), { b: 10 });
});

Deno.test("priority uses the first group that works, and waits 10 s for one that connects", () => {
  const host = new FakeHost();
  const child = { config: rr };
  host.make("priority", { priorities: ["p0", "p1"], children: { p0: child, p1: child } })
    .update([at("a", "p0"), at("b", "p1")]);
  assert.deepEqual(host.all.map((one) => one.address), ["a"]);
  host.clock.tick(9_999);
  assert.equal(host.all.length, 1);
  host.clock.tick(1);
  assert.deepEqual(host.all.map((one) => one.address), ["a", "b"]);
  host.at("b").set("READY");
  assert.equal(host.pick(), "b");
  host.at("a").set("READY");
  assert.equal(host.pick(), "a");
  host.at("a").set("TRANSIENT_FAILURE");
  assert.equal(host.pick(), "b");
  host.at("a").set("READY");
  // A group that is not used keeps its connections for 15 min.
  host.clock.tick(15 * 60_000 - 1);
  assert.ok(!host.all[1].closed);
  host.clock.tick(1);
  assert.ok(host.all[1].closed);
});

Deno.test("priority fails with the last group when none works, and passes re-resolution on", () => {
  const host = new FakeHost();
  host.make("priority", {
    priorities: ["p0", "p1"],
    children: { p0: { config: rr }, p1: { config: rr } },
  }).update([at("a", "p0"), at("b", "p1")]);
  host.at("a").set("TRANSIENT_FAILURE");
  host.at("b").set("TRANSIENT_FAILURE");
  assert.equal(host.state, "TRANSIENT_FAILURE");
  assert.equal(host.pick(), "b failed");
});

Deno.test("random_subsetting uses some addresses, the same after each update", () => {
  const names = Array.from({ length: 100 }, (_, i) => `10.0.0.${i}:1`);
  const host = new FakeHost();
  const balancer = host.make("random_subsetting", { subsetSize: 10, childPolicy: rr });
  balancer.update(names);
  const first = host.all.map((one) => one.address).sort();
  assert.equal(first.length, 10);
  balancer.update([...names].reverse());
  assert.equal(host.all.length, 10);
  // One address that leaves is replaced by one other.
  balancer.update(names.filter((name) => name !== first[0]));
  const open = host.all.filter((one) => !one.closed);
  assert.equal(open.length, 10);
  assert.equal(host.all.length, 11);
  balancer.update(names.slice(0, 5));
  assert.equal(host.all.filter((one) => !one.closed).length, 5);
});

Deno.test("a group changes its policy once the new one has a result", () => {
  const host = new FakeHost();
  const target = (childPolicy: unknown) => ({ targets: { x: { weight: 1, childPolicy } } });
  const balancer = host.make("weighted_target", target(rr));
  balancer.update([at("a", "x")]);
  host.setAll("READY");
  balancer.update([at("a", "x")], target([{ pick_first: {} }]) as never);
  assert.equal(host.pick(), "a");
  assert.deepEqual(host.all.map((one) => one.closed), [false, false]);
  host.all[1].set("READY");
  assert.deepEqual(host.all.map((one) => one.closed), [true, false]);
  assert.equal(host.pick(), "a");
});
