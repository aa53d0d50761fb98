import assert from "node:assert/strict";
import { simulateFleet } from "./simulation.ts";

const model = {
  servers: 100,
  clients: 100,
  subsetSize: 10,
  leaving: 0.1,
  dnsLagMs: 5_000,
  minResolveIntervalMs: 30_000,
  seed: 7,
};

Deno.test("clients with subsets rebalance within two intervals of resolution", () => {
  const figures = simulateFleet(model);
  assert.equal(figures.connections.mean, 10);
  assert.ok(figures.rebalancedMs > model.dnsLagMs && figures.rebalancedMs <= 61_100);
  assert.ok(Math.abs(figures.connectionsAtEnd.mean - 1_000 / 90) < 1e-9);
  assert.equal(figures.clientsWithoutServer, 0);
  assert.deepEqual(simulateFleet(model), figures);
});

Deno.test("without subsets each client has a connection to each server", () => {
  const figures = simulateFleet({ ...model, subsetSize: undefined });
  assert.deepEqual([figures.connections.min, figures.connections.max], [100, 100]);
  assert.ok(figures.loadAtEnd.variation < 1e-9);
});
