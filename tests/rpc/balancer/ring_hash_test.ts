import assert from "node:assert/strict";
import { buildRing } from "../../../src/rpc/balancer/hash_ring.ts";
import { hashHigh, hashLow, xxh64 } from "../../../src/rpc/balancer/xxh64.ts";
import { FakeHost, type FakeSubchannel } from "./fake_host.ts";

const config = { minRingSize: 1_024, requestHashHeader: "session" };
const names = Array.from({ length: 8 }, (_, i) => `10.0.0.${i}:1`);
const session = (i: number) => ({ session: `user-${i}` });

Deno.test("XXH64 has the values of its specification", () => {
  // Of the reference implementation (xxhash 0.8).
  const cases = {
    "": "ef46db3751d8e999",
    a: "d24ec4f1a98c6e5b",
    abc: "44bc2cf5ad770999",
    "Nobody inspects the spammish repetition": "fbcea83c8a378bf1",
  };
  for (const [text, hash] of Object.entries(cases)) {
    xxh64(text);
    const hex = (n: number) => (n >>> 0).toString(16).padStart(8, "0");
    assert.equal(hex(hashHigh()) + hex(hashLow()), hash, text);
  }
});

Deno.test("points of a ring are in proportion to the weights", () => {
  const ring = buildRing([{ address: "a", weight: 3 }, { address: "b" }, { address: "c" }], {
    minRingSize: 1_000,
    maxRingSize: 4_096,
  });
  const points = [0, 0, 0];
  for (const owner of ring.owners) points[owner]++;
  assert.deepEqual(points, [600, 200, 200]);
  assert.equal(buildRing([], { minRingSize: 10, maxRingSize: 10 }).owners.length, 0);
});

Deno.test("ring_hash connects on demand, keeps keys, and moves few when an address leaves", () => {
  const host = new FakeHost();
  const balancer = host.make("ring_hash", config);
  balancer.update(names);
  assert.equal(host.state, "IDLE");
  assert.equal(host.pick(session(1)), "queued");
  assert.equal(host.all.filter((one) => one.wanted).length, 1);
  for (let i = 0; i < 500; i++) host.pick(session(i));
  host.setAll("READY");
  assert.equal(host.state, "READY");
  const before = Array.from({ length: 5_000 }, (_, i) => host.pick(session(i)));
  assert.ok(names.every((name) => before.filter((one) => one === name).length > 300));
  balancer.update(names.filter((name) => name !== names[3]));
  const after = Array.from({ length: 5_000 }, (_, i) => host.pick(session(i)));
  const kept = before.filter((address) => address !== names[3]).length;
  const moved = before.filter((address, i) => address !== names[3] && address !== after[i]).length;
  // The others have more points now, so that the ring keeps its size.
  assert.ok(moved / kept < 0.15, `${moved} of ${kept}`);
  assert.ok(!after.includes(names[3]));
});

Deno.test("a key goes to the next address of the ring while its own fails", () => {
  const host = new FakeHost();
  host.make("ring_hash", config).update(["a", "b", "c"]);
  for (let i = 0; i < 100; i++) host.pick(session(i));
  host.setAll("READY");
  const own = host.pick(session(7));
  host.at(own).set("TRANSIENT_FAILURE");
  const next = host.pick(session(7));
  assert.notEqual(next, own);
  host.at(next).set("TRANSIENT_FAILURE");
  const last = host.pick(session(7));
  host.at(last).set("TRANSIENT_FAILURE");
  assert.equal(host.state, "TRANSIENT_FAILURE");
  assert.match(host.pick(session(7)), /failed$/);
  host.at(own).set("READY");
  assert.equal(host.pick(session(7)), own);
});

Deno.test("calls without the header go to ready addresses, and connect at most one", () => {
  const host = new FakeHost();
  host.make("ring_hash", config).update(["a", "b", "c"]);
  for (let i = 0; i < 10; i++) assert.equal(host.pick(), "queued");
  assert.equal(host.all.filter((one) => one.wanted).length, 1);
  host.setAll("READY");
  assert.equal(Object.keys(host.count(20)).length, 1);
});

Deno.test("ring_hash looks for a working address by itself while some fail", () => {
  const host = new FakeHost();
  const balancer = host.make("ring_hash", config);
  balancer.update(["a", "b", "c"]);
  balancer.exitIdle!();
  host.all.find((one) => one.wanted)!.set("TRANSIENT_FAILURE");
  assert.equal(host.state, "CONNECTING");
  assert.equal(host.all.filter((one) => one.wanted).length, 2);
});

Deno.test("ring_hash uses the hash of a config selector if it has no header", () => {
  const host = new FakeHost();
  host.make("ring_hash", {}).update(names);
  for (const name of names) host.at(name).set("READY");
  const pick = (requestHash: bigint) => {
    const call = { path: "/a/b", metadata: undefined, attributes: { requestHash } };
    return (host.picker.pick(call) as FakeSubchannel).address;
  };
  const hashes = Array.from({ length: 200 }, (_, i) => BigInt(i) * 0x0147_ae14_7ae1_47aen);
  const first = hashes.map(pick);
  assert.deepEqual(hashes.map(pick), first);
  assert.equal(new Set(first).size, names.length);
  // Neighbours on the ring share an address.
  assert.equal(pick(0x8000_0000_0000_0000n), pick(0x8000_0000_0000_0001n));
});
