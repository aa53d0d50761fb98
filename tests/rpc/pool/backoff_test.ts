import assert from "node:assert/strict";
import { EMPTY } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";

Deno.test("delays between dials start at 1 s and grow by 1.6 up to 120 s", async () => {
  await using network = new Network();
  const channel = network.connect("a");
  await failure(channel.call("/suite/echo", EMPTY));
  for (let i = 0; i < 400; i++) await network.pass(1_000);
  const waits = network.dials.map(({ atMs }, i) => atMs - (network.dials[i - 1]?.atMs ?? 0));
  const expected = [0, 1_000, 1_600, 2_560, 4_096, 6_553.6, 10_485.8, 16_777.2, 26_843.5];
  for (const [i, wait] of expected.entries()) {
    assert.ok(Math.abs(waits[i] - wait) < 1, `wait ${i} was ${waits[i]}, not ${wait}`);
  }
  assert.ok(waits.every((wait) => wait <= 120_001));
});

Deno.test("initial and longest back-off are options, with a jitter of a fifth", async () => {
  await using network = new Network();
  const channel = network.connect("a", {
    initialBackoffMs: 50,
    maxBackoffMs: 200,
  }, () => 0);
  await failure(channel.call("/suite/echo", EMPTY));
  for (let i = 0; i < 100; i++) await network.pass(10);
  const waits = network.dials.map(({ atMs }, i) => atMs - (network.dials[i - 1]?.atMs ?? 0));
  for (const [i, wait] of [0, 40, 64, 102.4, 160, 160].entries()) {
    assert.ok(Math.abs(waits[i] - wait) < 1, `wait ${i} was ${waits[i]}, not ${wait}`);
  }
});
