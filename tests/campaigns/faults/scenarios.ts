/** Faults, with the invariants during and after each. */

import assert from "node:assert/strict";
import { type Channel, type ChannelOptions, connect, Status } from "../../../mod.ts";
import { sleep } from "../../fixtures/waiting.ts";
import { type Backend, type Ledger, load, Proxy, timeUntil } from "./world.ts";

/** Environment of a scenario. */
export interface Scene {
  readonly backends: readonly Backend[];
  readonly ledger: Ledger;
}

/** Fault scenario. Resolves to the recovery time of the pool, in ms. */
export interface Scenario {
  readonly name: string;
  /** Limit of the recovery time. */
  readonly limitMs: number;
  readonly run: (scene: Scene) => Promise<number>;
}

const QUICK: ChannelOptions = { initialBackoffMs: 50, maxBackoffMs: 200, poolSize: 1 };
const LIMIT_MS = 500;

function healthy(channel: Channel, count: number): () => boolean {
  return () => channel.stats().connections.filter((one) => one.state === "ready").length >= count;
}

/** Checks that calls fail with UNAVAILABLE only, or one of `others`. */
function onlyUnavailable(ledger: Ledger, ...others: Status[]): void {
  const allowed: Status[] = [Status.OK, Status.UNAVAILABLE, ...others];
  for (const [id, code] of ledger.ends) {
    assert.ok(allowed.includes(code), `${id} ended with ${code}`);
  }
}

async function killed(scene: Scene, options: ChannelOptions, limitMs: number): Promise<number> {
  const { backends, ledger } = scene;
  await using channel = connect(backends.map((one) => one.address), options);
  await channel.ready();
  await timeUntil(healthy(channel, 3), 5_000);
  const running = load(channel, ledger);
  await sleep(50);
  await backends[1].kill();
  const before = ledger.ends.size;
  await sleep(100);
  assert.ok(ledger.ends.size > before, "calls go on with two of three");
  await backends[1].start();
  const ms = await timeUntil(healthy(channel, 3), limitMs);
  await running.stop();
  onlyUnavailable(ledger);
  // Callers on the killed server, a third of 20, lose the call in flight and few others.
  assert.ok(ledger.failed <= 40, `${ledger.failed} calls failed`);
  return ms;
}

/** All scenarios. */
export const scenarios: readonly Scenario[] = [
  {
    name: "kill -9 of one of three, restart",
    limitMs: LIMIT_MS,
    run: (scene) => killed(scene, QUICK, LIMIT_MS),
  },
  {
    name: "the same with gRPC's default back-off",
    // The server starts during the first back-off (1 s, at most a fifth more) or the second.
    limitMs: 1_600 * 1.2,
    run: (scene) => killed(scene, { poolSize: 1 }, 1_600 * 1.2),
  },
  {
    name: "SIGTERM: a drain loses no call",
    limitMs: LIMIT_MS,
    async run({ backends, ledger }) {
      await using channel = connect(backends.map((one) => one.address), QUICK);
      await channel.ready();
      await timeUntil(healthy(channel, 3), 5_000);
      const running = load(channel, ledger);
      await sleep(50);
      assert.equal(await backends[0].terminate(), 0);
      await sleep(50);
      assert.equal(ledger.failed, 0, JSON.stringify([...ledger.failures]));
      await backends[0].start();
      const ms = await timeUntil(healthy(channel, 3), LIMIT_MS);
      await running.stop();
      assert.equal(ledger.failed, 0, JSON.stringify([...ledger.failures]));
      return ms;
    },
  },
  {
    name: "a black hole: the network swallows all bytes",
    limitMs: LIMIT_MS,
    async run({ backends, ledger }) {
      using proxy = new Proxy(backends[0]);
      await using channel = connect(proxy.address, {
        ...QUICK,
        connectTimeoutMs: 150,
        healthCheck: { intervalMs: 100, timeoutMs: 100 },
      });
      await channel.ready();
      const running = load(channel, ledger, 20, 300);
      await sleep(50);
      proxy.mood = "swallow";
      await timeUntil(() => channel.stats().connections.every((one) => one.state !== "ready"), 500);
      await sleep(100);
      proxy.mood = "honest";
      const ms = await timeUntil(healthy(channel, 1), LIMIT_MS);
      await running.stop();
      onlyUnavailable(ledger, Status.DEADLINE_EXCEEDED);
      return ms;
    },
  },
  {
    name: "half-close by the other side",
    limitMs: LIMIT_MS,
    async run({ backends, ledger }) {
      using proxy = new Proxy(backends[0]);
      await using channel = connect(proxy.address, QUICK);
      await channel.ready();
      const running = load(channel, ledger);
      await sleep(50);
      const { callsStarted } = channel.stats().connections[0];
      await proxy.halfClose();
      await timeUntil(() => channel.stats().callsStarted > callsStarted + 50, 5_000);
      const ms = await timeUntil(healthy(channel, 1), LIMIT_MS);
      await running.stop();
      onlyUnavailable(ledger);
      return ms;
    },
  },
  {
    name: "reset in the middle of a message",
    limitMs: LIMIT_MS,
    async run({ backends, ledger }) {
      using proxy = new Proxy(backends[0]);
      await using channel = connect(proxy.address, QUICK);
      await channel.ready();
      proxy.resetAfterBytes = 500_000;
      assert.equal(await ledger.call(channel, "/faults/big"), Status.UNAVAILABLE);
      proxy.resetAfterBytes = Infinity;
      const ms = await timeUntil(healthy(channel, 1), LIMIT_MS);
      assert.equal(await ledger.call(channel, "/faults/big"), Status.OK);
      return ms;
    },
  },
  {
    name: "changing DNS records",
    limitMs: LIMIT_MS,
    async run({ backends, ledger }) {
      const addressOf = (backend: Backend) => {
        const [host, port] = backend.address.split(":");
        return [{ kind: "tcp" as const, host, port: Number(port) }];
      };
      let answer = addressOf(backends[1]);
      await using channel = connect("dns:backend.test:1", {
        ...QUICK,
        balancer: "round_robin",
        minResolveIntervalMs: 50,
        resolver: () => Promise.resolve(answer),
      });
      await channel.ready();
      assert.equal(await ledger.call(channel), Status.OK);
      answer = addressOf(backends[2]);
      await backends[1].kill();
      const started = performance.now();
      assert.equal(await ledger.call(channel, "/faults/echo", { waitForReady: true }), Status.OK);
      const ms = performance.now() - started;
      assert.ok(ms <= LIMIT_MS, `the new address was in use after ${ms} ms`);
      assert.equal(channel.stats().addresses[0].address, backends[2].address);
      await backends[1].start();
      return ms;
    },
  },
];
