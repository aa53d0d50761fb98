import assert from "node:assert/strict";
import { Network } from "../../fixtures/network.ts";

Deno.test("a GOAWAY for too many pings doubles the keepalive time of the next connection (gRPC A8)", async () => {
  await using network = new Network();
  // The server runs in real time, so it sees all pings at once.
  await network.up("a");
  const channel = network.connect("a", { keepaliveTimeMs: 10_000, keepaliveWithoutCalls: true });
  await channel.ready();
  for (let i = 0; i < 40 && network.dials.length < 3; i++) await network.pass(5_000);
  const lives = network.dials.map(({ atMs }, i) => atMs - (network.dials[i - 1]?.atMs ?? 0));
  assert.ok(lives[1] > 0 && lives[2] >= lives[1] * 1.9, `${lives}`);
});
