import assert from "node:assert/strict";
import { Status } from "../../../src/call/status.ts";
import { ask, count, eventually, Fleet } from "../fleet.ts";
import {
  aggregate,
  any,
  cluster,
  endpoints,
  listener,
  locality,
  ROUTER,
  routes,
  routeTo,
} from "../messages.ts";
import { HTTPFaultSchema } from "../../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts";

/** The resources of clusters, each with the endpoints of some servers. */
function clusters(
  fleet: Fleet,
  byName: Record<string, number[]>,
  json: Parameters<typeof cluster>[1] = {},
) {
  return {
    cluster: Object.fromEntries(
      Object.keys(byName).map((name) => [name, cluster(name, json)]),
    ),
    endpoints: Object.fromEntries(
      Object.entries(byName).map(([name, servers]) => [
        name,
        endpoints(name, [locality(servers.map((i) => fleet.address(i)))]),
      ]),
    ),
  };
}

const orders = { listener: { orders: listener("orders") } };

Deno.test("xds: targets: calls go to the endpoints of the route's cluster, and follow changes", async () => {
  await using fleet = await Fleet.start(3);
  fleet.ads.set({
    ...orders,
    route: { routes: routes("routes", [routeTo("a")]) },
    ...clusters(fleet, { a: [0, 1], b: [2] }),
  });
  const channel = fleet.connect();
  assert.deepEqual(await count(channel, 20), { 0: 10, 1: 10 });
  fleet.ads.set({ route: { routes: routes("routes", [routeTo("b")]) } });
  await eventually(async () => await ask(channel) === "2");
  assert.deepEqual(await count(channel, 5), { 2: 5 });
  // Cluster a is not watched any more.
  const last = fleet.ads.requests.findLast((one) => one.typeUrl.endsWith(".Cluster"))!;
  await eventually(() =>
    fleet.ads.requests.findLast((one) => one.typeUrl === last.typeUrl)!.resourceNames.join() === "b"
  );
  assert.deepEqual(fleet.ads.refusals, []);
});

Deno.test("xds: targets: routes by path, header and weight", async () => {
  await using fleet = await Fleet.start(4);
  fleet.ads.set({
    ...orders,
    route: {
      routes: routes("routes", [
        {
          match: { path: "/shop.Orders/List" },
          route: { cluster: "a" },
        },
        {
          match: { prefix: "/shop.", headers: [{ name: "Tier", stringMatch: { exact: "gold" } }] },
          route: { cluster: "b" },
        },
        {
          match: { safeRegex: { regex: "/shop\\..*" } },
          route: {
            weightedClusters: {
              clusters: [{ name: "c", weight: 90 }, { name: "d", weight: 10 }, {
                name: "e",
                weight: 0,
              }],
            },
          },
        },
      ]),
    },
    ...clusters(fleet, { a: [0], b: [1], c: [2], d: [3] }),
  });
  const channel = fleet.connect();
  assert.equal(await ask(channel, {}, "/shop.Orders/List"), "0");
  assert.equal(await ask(channel, { tier: "gold" }), "1");
  const shares = await count(channel, 400);
  assert.ok(shares[2] > 320 && shares[3] > 8, JSON.stringify(shares));
  assert.equal(await ask(channel, {}, "/other.Service/Get"), "UNAVAILABLE");
});

Deno.test("xds: targets: a removed listener fails calls, and a bad cluster keeps the last good one", async () => {
  await using fleet = await Fleet.start(1);
  fleet.ads.set({
    ...orders,
    route: { routes: routes("routes", [routeTo("a")]) },
    ...clusters(fleet, { a: [0] }),
  });
  const channel = fleet.connect();
  assert.equal(await ask(channel), "0");
  fleet.ads.set({ cluster: { a: cluster("a", { lbPolicy: "MAGLEV" }) } });
  await eventually(() => fleet.ads.refusals.length > 0);
  assert.equal(await ask(channel), "0");
  fleet.ads.set({ cluster: { a: cluster("a") }, listener: {} });
  await eventually(async () => await ask(channel) === "UNAVAILABLE");
  fleet.ads.set(orders);
  await eventually(async () => await ask(channel) === "0");
});

Deno.test("xds: targets: retries and timeouts from the route", async () => {
  await using fleet = await Fleet.start(2);
  fleet.ads.set({
    ...orders,
    route: {
      routes: routes("routes", [
        {
          match: { path: "/shop.Orders/Hold" },
          route: { cluster: "a", maxStreamDuration: { maxStreamDuration: "0.05s" } },
        },
        routeTo("a", {
          retryPolicy: {
            retryOn: "unavailable,internal",
            numRetries: 3,
            retryBackOff: { baseInterval: "0.001s" },
          },
        }),
      ]),
    },
    ...clusters(fleet, { a: [0, 1] }),
  });
  fleet.failures[0] = Status.UNAVAILABLE;
  const channel = fleet.connect();
  assert.deepEqual(await count(channel, 20), { 1: 20 });
  assert.ok(fleet.calls > 20);
  assert.ok(channel.stats().retries > 5);
  fleet.failures[0] = fleet.failures[1] = Status.ABORTED;
  const before = fleet.calls;
  assert.equal(await ask(channel), "ABORTED");
  assert.equal(fleet.calls, before + 1);
  assert.equal(await ask(channel, {}, "/shop.Orders/Hold"), "DEADLINE_EXCEEDED");
});

Deno.test("xds: targets: ring_hash by a header, and the circuit breaker", async () => {
  await using fleet = await Fleet.start(4);
  fleet.ads.set({
    ...orders,
    route: {
      routes: routes("routes", [
        { match: { path: "/shop.Orders/Hold" }, route: { cluster: "limited" } },
        routeTo("ring", { hashPolicy: [{ header: { headerName: "user" } }] }),
      ]),
    },
    cluster: {
      ring: cluster("ring", { lbPolicy: "RING_HASH" }),
      limited: cluster("limited", { circuitBreakers: { thresholds: [{ maxRequests: 2 }] } }),
    },
    endpoints: clusters(fleet, { ring: [0, 1, 2, 3], limited: [0] }).endpoints,
  });
  const channel = fleet.connect();
  const owners = new Set<string>();
  for (let user = 0; user < 20; user++) {
    const counts = await count(channel, 3, () => ({ user: `user-${user}` }));
    assert.equal(Object.values(counts)[0], 3, JSON.stringify(counts));
    owners.add(Object.keys(counts)[0]);
  }
  assert.ok(owners.size > 1);
  const held = [ask(channel, {}, "/shop.Orders/Hold"), ask(channel, {}, "/shop.Orders/Hold")];
  await eventually(() => fleet.held.length === 2);
  assert.equal(await ask(channel, {}, "/shop.Orders/Hold"), "UNAVAILABLE");
  fleet.held.shift()!();
  await Promise.race(held);
  const next = ask(channel, {}, "/shop.Orders/Hold");
  await eventually(() => fleet.held.length === 2);
  fleet.held.splice(0).forEach((release) => release());
  assert.deepEqual(await Promise.all([...held, next]), ["", "", ""]);
});

Deno.test("xds: targets: the next priority takes over, and an aggregate's next cluster", async () => {
  await using fleet = await Fleet.start(4);
  const dead = "127.0.0.1:1";
  fleet.ads.set({
    ...orders,
    route: { routes: routes("routes", [routeTo("all")]) },
    cluster: {
      all: aggregate("all", ["near", "far"]),
      near: cluster("near"),
      far: cluster("far", {
        type: "LOGICAL_DNS",
        loadAssignment: {
          clusterName: "far",
          endpoints: [locality([fleet.address(2).replace("127.0.0.1", "localhost")])],
        },
      }),
    },
    endpoints: {
      near: endpoints("near", [
        locality([dead]),
        locality([fleet.address(0)], { priority: 1 }),
      ]),
    },
  });
  const channel = fleet.connect();
  assert.deepEqual(await count(channel, 5), { 0: 5 });
  fleet.ads.set({
    endpoints: {
      near: endpoints("near", [
        locality([fleet.address(1)]),
        locality([fleet.address(0)], { priority: 1 }),
      ]),
    },
  });
  await eventually(async () => await ask(channel) === "1");
  fleet.ads.set({ endpoints: { near: endpoints("near", [locality([dead])]) } });
  await eventually(async () => await ask(channel) === "2");
});

Deno.test("xds: targets: faults, drops, and localities by weight", async () => {
  await using fleet = await Fleet.start(2);
  const fault = any(HTTPFaultSchema, {
    abort: { grpcStatus: Status.PERMISSION_DENIED, percentage: { numerator: 100 } },
  });
  fleet.ads.set({
    listener: {
      orders: listener("orders", {
        httpFilters: [
          {
            name: "fault",
            typedConfig: any(HTTPFaultSchema, {
              abort: { headerAbort: {}, percentage: { numerator: 100 } },
              delay: { headerDelay: {}, percentage: { numerator: 100 } },
            }),
          },
          ROUTER,
        ],
      }),
    },
    route: {
      routes: routes("routes", [
        {
          match: { path: "/shop.Orders/List" },
          route: { cluster: "a" },
          typedPerFilterConfig: { fault },
        },
        { match: { path: "/shop.Orders/Hold" }, route: { cluster: "dropped" } },
        routeTo("a"),
      ]),
    },
    cluster: { a: cluster("a"), dropped: cluster("dropped") },
    endpoints: {
      a: endpoints("a", [
        locality([fleet.address(0)], { loadBalancingWeight: 3 }),
        locality([fleet.address(1)], { locality: { region: "other" } }),
      ]),
      dropped: endpoints("dropped", [locality([fleet.address(0)])], {
        policy: {
          dropOverloads: [{ category: "lb", dropPercentage: { numerator: 100 } }],
        },
      }),
    },
  });
  const channel = fleet.connect();
  const shares = await count(channel, 200);
  assert.ok(shares[0] > 110 && shares[1] > 20, JSON.stringify(shares));
  assert.equal(await ask(channel, {}, "/shop.Orders/List"), "PERMISSION_DENIED");
  assert.equal(await ask(channel, { "x-envoy-fault-abort-grpc-request": "5" }), "NOT_FOUND");
  const start = performance.now();
  assert.match(await ask(channel, { "x-envoy-fault-delay-request": "50" }), /^[01]$/);
  assert.ok(performance.now() - start >= 45);
  assert.equal(await ask(channel, {}, "/shop.Orders/Hold"), "UNAVAILABLE");
});

Deno.test("xds: targets: without a control plane, channels go on with what they know", async () => {
  await using fleet = await Fleet.start(1);
  fleet.ads.set({
    ...orders,
    route: { routes: routes("routes", [routeTo("a")]) },
    ...clusters(fleet, { a: [0] }),
  });
  const channel = fleet.connect();
  assert.equal(await ask(channel), "0");
  await fleet.ads[Symbol.asyncDispose]();
  assert.deepEqual(await count(channel, 10), { 0: 10 });
  // A target that is not known fails with the reason.
  const other = fleet.connect("xds:///other");
  await assert.rejects(
    other.call("/shop.Orders/Get", new Uint8Array(), { timeoutMs: 10_000 }),
    /UNAVAILABLE.*The control plane/s,
  );
});
