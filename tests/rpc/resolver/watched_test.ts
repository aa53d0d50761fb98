import assert from "node:assert/strict";
import { connect } from "../../../mod.ts";
import { registerResolver } from "../../../src/rpc/resolver/mod.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";
import { Steps } from "./steps.ts";

Deno.test("a channel follows the addresses of a resolver of its scheme", async () => {
  await using network = new Network();
  for (const name of ["a", "b"]) await network.up(name);
  const steps = new Steps();
  registerResolver("steps", steps);
  const channel = network.connect("steps://here/some%20where");
  const early = channel.call("/suite/echo", EMPTY, { waitForReady: true });
  const failed = failure(channel.call("/suite/echo", EMPTY));
  await network.settle();
  assert.deepEqual(steps.target, {
    text: "steps://here/some%20where",
    scheme: "steps",
    authority: "here",
    path: "some where",
  });
  steps.set(new Error("not yet"));
  assert.match((await failed).message, /Cannot resolve steps:\/\/here\/some%20where: not yet/);
  steps.set({ addresses: ["a", { address: "a" }] });
  await early;
  steps.set({ addresses: [{ address: "b", weight: 2 }] });
  await network.until(() => channel.stats().addresses.map((one) => one.address).join() === "b");
  await channel.call("/suite/echo", EMPTY);
  // Failures leave the addresses in use.
  steps.set(new Error("for a while"));
  await network.settle();
  await channel.call("/suite/echo", EMPTY);
  // An exception makes it watch again, after a wait.
  steps.set(new TypeError("broken"));
  await network.settle();
  assert.equal(steps.watches, 1);
  await network.pass(1_200);
  assert.equal(steps.watches, 2);
  await channel.close();
  assert.ok(steps.context!.signal.aborted);
});

Deno.test("a resolver that polls is asked again after failures, at intervals", async () => {
  await using network = new Network();
  await network.up("a");
  const times: number[] = [];
  registerResolver("polls", {
    async *watch(_target, { reresolution, clock }) {
      while (true) {
        times.push(clock.now());
        yield { addresses: ["a"] };
        await reresolution();
      }
    },
  });
  const channel = network.connect("polls:x", { minResolveIntervalMs: 5_000 });
  await channel.call("/suite/echo", EMPTY);
  assert.equal(times.length, 1);
  await network.down("a");
  await network.pass(4_000);
  assert.equal(times.length, 1);
  await network.pass(1_000);
  assert.equal(times.length, 2);
  await channel.close();
});

Deno.test("schemes of the address grammar and others that are not valid cannot be registered", () => {
  const steps = new Steps();
  for (const scheme of ["dns", "unix", "Upper", "", "1a"]) {
    assert.throws(() => registerResolver(scheme, steps), TypeError, scheme);
  }
  assert.throws(() => registerResolver("empty", {} as never), /must have a function watch/);
  assert.throws(() => connect("nothing-registered:///x"), TypeError);
});
