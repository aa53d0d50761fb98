import assert from "node:assert/strict";
import { registerResolver } from "../../../src/rpc/resolver/mod.ts";
import { fileResolver, staticResolver } from "../../../src/rpc/resolver/mod.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";

Deno.test("a channel follows the addresses in a file", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using network = new Network();
    for (const name of ["a", "b"]) await network.up(name);
    const path = `${folder}/addresses.json`;
    registerResolver("file", fileResolver({ intervalMs: 1_000 }));
    const channel = network.connect(`file://${path}`, { poolSize: 1 });
    const early = await failure(channel.call("/suite/echo", EMPTY));
    assert.match(early.message, /Cannot read .*addresses\.json/);
    const addresses = () => channel.stats().addresses.map((one) => one.address).join();
    const write = async (text: string) => {
      // A new file each time, as a replaced mount is.
      await Deno.writeTextFile(`${path}.new`, text);
      await Deno.rename(`${path}.new`, path);
    };
    const becomes = async (wanted: string) => {
      while (addresses() !== wanted) await network.pass(1_000);
    };
    await write(`["a"]`);
    await becomes("a");
    await channel.call("/suite/echo", EMPTY, { waitForReady: true });
    await write(`{ "addresses": [{ "address": "b", "weight": 2 }, "a"] }`);
    await becomes("a,b");
    for (const bad of ["{", `["a", 7]`, `{ "addresses": [{ "address": "c", "weight": 0 }] }`]) {
      await write(bad);
      for (let i = 0; i < 3; i++) await network.pass(1_000);
      assert.equal(addresses(), "a,b");
    }
    await write(`{ "addresses": ["b"],
      "serviceConfig": { "loadBalancingConfig": [{ "round_robin": {} }] } }`);
    await becomes("b");
    await channel.call("/suite/echo", EMPTY, { waitForReady: true });
    await channel.close();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a static resolver gives the same addresses to each channel", async () => {
  await using network = new Network();
  await network.up("a");
  registerResolver("fixed", staticResolver({ addresses: ["a"] }));
  for (let i = 0; i < 2; i++) await network.connect("fixed:x").call("/suite/echo", EMPTY);
  assert.throws(() => fileResolver({ intervalMs: 0 }), RangeError);
});
