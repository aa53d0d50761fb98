import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import { configureBalancer } from "../../../src/rpc/balancer/registry.ts";
import { FakeHost } from "./fake_host.ts";

const names = ["a", "b", "c", "d", "e"];
const base = {
  interval: "10s",
  baseEjectionTime: "30s",
  maxEjectionTime: "60s",
  maxEjectionPercent: 40,
  childPolicy: [{ round_robin: {} }],
};

function started(config: object): FakeHost {
  const host = new FakeHost();
  host.make("outlier_detection", { ...base, ...config }).update(names);
  host.setAll("READY");
  return host;
}

/** Ends calls at each address: `failing` of 100 fail. */
function calls(host: FakeHost, failing: Record<string, number>, volume = 100): void {
  for (const name of names) {
    for (let i = 0; i < volume; i++) {
      host.at(name).end(i < (failing[name] ?? 0) ? Status.UNAVAILABLE : Status.OK);
    }
  }
}

const used = (host: FakeHost) => Object.keys(host.count(50)).sort().join("");

Deno.test("an address with a low success rate is ejected, and returned after its time", () => {
  const host = started({ successRateEjection: { stdevFactor: 1_000 } });
  calls(host, { c: 50 });
  assert.equal(used(host), "abcde");
  host.clock.tick(10_000);
  assert.equal(used(host), "abde");
  // Its states are hidden while it is ejected.
  host.at("c").set("CONNECTING");
  host.at("c").set("READY");
  assert.equal(used(host), "abde");
  host.clock.tick(20_000);
  assert.equal(used(host), "abde");
  host.clock.tick(10_000);
  assert.equal(used(host), "abcde");
});

Deno.test("repeated ejections last longer, up to the maximum, and are forgotten with time", () => {
  const host = started({ failurePercentageEjection: { threshold: 50 } });
  const ejectedFor = () => {
    calls(host, { a: 90 });
    host.clock.tick(10_000);
    assert.equal(used(host), "bcde");
    let ms = 0;
    while (used(host) === "bcde") {
      host.clock.tick(10_000);
      ms += 10_000;
    }
    return ms;
  };
  assert.deepEqual([ejectedFor(), ejectedFor(), ejectedFor()], [30_000, 60_000, 60_000]);
  for (let i = 0; i < 5; i++) host.clock.tick(10_000);
  assert.equal(ejectedFor(), 30_000);
});

Deno.test("few calls, few hosts, no enforcement or too many ejections leave an address in use", () => {
  const failurePercentageEjection = { threshold: 50, requestVolume: 200 };
  for (const rule of [{ requestVolume: 200 }, { minimumHosts: 6 }, { enforcementPercentage: 0 }]) {
    const host = started({
      failurePercentageEjection: { ...failurePercentageEjection, requestVolume: 1, ...rule },
    });
    calls(host, { a: 100 });
    host.clock.tick(10_000);
    assert.equal(used(host), "abcde", JSON.stringify(rule));
  }
  const host = started({ failurePercentageEjection: { threshold: 50 } });
  calls(host, { a: 100, b: 100, c: 100 });
  host.clock.tick(10_000);
  // 40 % of five addresses.
  assert.equal(used(host).length, 3);
});

Deno.test("calls that their callers cancelled do not count", () => {
  const host = started({ failurePercentageEjection: { threshold: 0, requestVolume: 1 } });
  for (const name of names) host.at(name).end(name === "a" ? Status.CANCELLED : Status.OK);
  host.clock.tick(10_000);
  assert.equal(used(host), "abcde");
});

Deno.test("a configuration without rules returns ejected addresses", () => {
  const host = new FakeHost();
  const balancer = host.make("outlier_detection", {
    ...base,
    failurePercentageEjection: { threshold: 10 },
  });
  balancer.update(names);
  host.setAll("READY");
  calls(host, { b: 100 });
  host.clock.tick(10_000);
  assert.equal(used(host), "acde");
  balancer.update(names, base as never);
  assert.equal(used(host), "abcde");
  assert.equal(host.clock.pendingTimers, 0);
  balancer.close();
});

Deno.test("outlier_detection refuses configurations that are not valid", () => {
  for (
    const config of [
      {},
      { ...base, interval: 10 },
      { ...base, maxEjectionPercent: 101 },
      { ...base, childPolicy: [{ nothing: {} }] },
      { ...base, successRateEjection: { enforcementPercentage: -1 } },
    ]
  ) assert.throws(() => configureBalancer("outlier_detection", config), TypeError);
  assert.ok(configureBalancer("outlier_detection_experimental", base));
});
