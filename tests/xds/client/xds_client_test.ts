import assert from "node:assert/strict";
import type { ResourceKind } from "../../../src/xds/resources/kinds.ts";
import { FakeControlPlane, settle } from "../fake_control_plane.ts";
import { cluster, endpoints, listener, locality, routes, routeTo } from "../messages.ts";

/** Watches a resource, and lists what the watcher gets. */
function watch(plane: FakeControlPlane, kind: ResourceKind, name: string) {
  const events: string[] = [];
  const stop = plane.client.watch(kind, name, {
    onChange: () => events.push("change"),
    onError: (error) => events.push(`error: ${error.message}`),
    onAmbientError: (error) => events.push(`ambient: ${error.message}`),
  });
  return { events, stop };
}

Deno.test("xDS client: requests by kind, accepts responses, and keeps the version over streams", async () => {
  const plane = new FakeControlPlane();
  const server = plane.server();
  const a = watch(plane, "listener", "a");
  const b = watch(plane, "listener", "b");
  await settle();
  assert.equal(server.requests.length, 1);
  const [first] = server.requests;
  assert.deepEqual(first.resourceNames, ["a", "b"]);
  assert.equal(first.node!.id, "node-1");
  assert.equal(first.versionInfo, "");
  server.send("listener", "7", [listener("a"), listener("b"), listener("c")]);
  await settle();
  const ack = server.last("listener")!;
  assert.equal(ack.versionInfo, "7");
  assert.equal(ack.responseNonce, "n1");
  assert.equal(ack.errorDetail, undefined);
  assert.equal(ack.node, undefined);
  assert.deepEqual([a.events, b.events], [["change"], ["change"]]);
  // The same bytes again are no change.
  server.send("listener", "8", [listener("a"), listener("b")]);
  assert.deepEqual(a.events, ["change"]);
  server.fail();
  plane.clock.tick(1);
  await settle();
  const again = server.last("listener")!;
  assert.equal(again.versionInfo, "8");
  assert.equal(again.responseNonce, "");
  assert.equal(again.node!.id, "node-1");
  b.stop();
  await settle();
  assert.deepEqual(server.last("listener")!.resourceNames, ["a"]);
  a.stop();
  assert.equal(server.channels, 0);
  assert.equal(plane.clock.pendingTimers, 0);
});

Deno.test("xDS client: refuses a bad resource with details, and keeps the last good one", async () => {
  const plane = new FakeControlPlane();
  const server = plane.server();
  const good = watch(plane, "cluster", "good");
  const bad = watch(plane, "cluster", "bad");
  const fresh = watch(plane, "cluster", "fresh");
  await settle();
  server.send("cluster", "1", [cluster("good"), cluster("bad")]);
  await settle();
  server.send("cluster", "2", [
    cluster("good", { circuitBreakers: { thresholds: [{ maxRequests: 3 }] } }),
    cluster("bad", { lbPolicy: "MAGLEV" }),
    cluster("fresh", { type: "STATIC" }),
  ]);
  await settle();
  const nack = server.last("cluster")!;
  assert.equal(nack.versionInfo, "1");
  assert.equal(nack.responseNonce, "n2");
  assert.equal(nack.errorDetail!.code, 3);
  assert.match(
    nack.errorDetail!.message,
    /bad: lb_policy: MAGLEV is not supported; fresh: type: STATIC/,
  );
  assert.deepEqual(good.events, ["change", "change"]);
  assert.equal(bad.events.length, 2);
  assert.match(bad.events[1], /^ambient: Cluster bad is refused: lb_policy/);
  assert.match(fresh.events[0], /^error: Cluster fresh is refused: type: STATIC is not supported/);
  const states = [...plane.client.statuses()].map(({ name, state }) => `${name} ${state}`);
  assert.deepEqual(states, ["good acked", "bad nacked", "fresh nacked"]);
  // Both are valid again, and one has not changed.
  server.send("cluster", "3", [cluster("good"), cluster("bad"), cluster("fresh")]);
  await settle();
  assert.equal(server.last("cluster")!.versionInfo, "3");
  assert.equal(server.last("cluster")!.errorDetail, undefined);
  assert.deepEqual(bad.events.length, 2);
  assert.equal(fresh.events.at(-1), "change");
  plane.client.close();
});

Deno.test("xDS client: a resource that does not come within 15 s of its request is missing", async () => {
  const plane = new FakeControlPlane();
  const server = plane.server();
  const route = watch(plane, "route", "r");
  await settle();
  plane.clock.tick(14_999);
  assert.deepEqual(route.events, []);
  plane.clock.tick(1);
  assert.equal(route.events.length, 1);
  assert.match(route.events[0], /error: RouteConfiguration r does not exist/);
  // A later watcher learns it at once; a resource that comes late counts.
  assert.equal(watch(plane, "route", "r").events.length, 1);
  server.send("route", "1", [routes("r", [routeTo("c")])]);
  assert.equal(route.events.at(-1), "change");
  // The time does not run without a stream.
  const other = watch(plane, "route", "s");
  await settle();
  plane.clock.tick(10_000);
  server.fail();
  plane.clock.tick(0);
  await settle();
  plane.clock.tick(10_000);
  assert.deepEqual(other.events, []);
  plane.clock.tick(5_000);
  assert.match(other.events[0], /does not exist/);
  plane.client.close();
});

Deno.test("xDS client: clusters that a response lacks are removed, endpoints are not", async () => {
  const plane = new FakeControlPlane();
  const server = plane.server();
  const one = watch(plane, "cluster", "one");
  const eds = watch(plane, "endpoints", "one");
  watch(plane, "cluster", "two");
  watch(plane, "endpoints", "two");
  await settle();
  server.send("cluster", "1", [cluster("one"), cluster("two")]);
  server.send("endpoints", "1", [endpoints("one", [locality(["10.0.0.1:1"])])]);
  server.send("cluster", "2", [cluster("two")]);
  server.send("endpoints", "2", [endpoints("two", [])]);
  assert.match(one.events[1], /Cluster one does not exist: the control plane has removed it/);
  assert.deepEqual(eds.events, ["change"]);
  server.send("cluster", "3", [cluster("one"), cluster("two")]);
  assert.equal(one.events[2], "change");
  plane.client.close();
});

Deno.test("xDS client: with ignore_resource_deletion, removed clusters stay in use", async () => {
  const plane = new FakeControlPlane({
    xds_servers: [{
      server_uri: "plane",
      channel_creds: [{ type: "insecure" }],
      server_features: ["xds_v3", "ignore_resource_deletion"],
    }],
  });
  const one = watch(plane, "cluster", "one");
  await settle();
  plane.server().send("cluster", "1", [cluster("one")]);
  plane.server().send("cluster", "2", []);
  assert.deepEqual(one.events, ["change"]);
  plane.client.close();
});

Deno.test("xDS client: without a control plane, known resources stay and new ones fail", async () => {
  const plane = new FakeControlPlane();
  const server = plane.server();
  const known = watch(plane, "cluster", "known");
  await settle();
  server.send("cluster", "1", [cluster("known")]);
  server.fail("reset");
  plane.clock.tick(0);
  // The second stream ends before any response.
  server.fail("refused");
  assert.deepEqual(known.events, ["change", "ambient: refused"]);
  const late = watch(plane, "cluster", "late");
  assert.deepEqual(late.events, []);
  assert.equal(server.streams, 2);
  plane.clock.tick(999);
  assert.equal(server.streams, 2);
  plane.clock.tick(1);
  assert.equal(server.streams, 3);
  server.fail("refused again");
  assert.deepEqual(late.events, ["error: refused again"]);
  plane.clock.tick(1_599);
  assert.equal(server.streams, 3);
  plane.clock.tick(1);
  assert.equal(server.streams, 4);
  await settle();
  assert.deepEqual(server.last("cluster")!.resourceNames, ["known", "late"]);
  plane.client.close();
  assert.equal(plane.clock.pendingTimers, 0);
});

Deno.test("xDS client: falls back to the second server, and returns to the first", async () => {
  const creds = [{ type: "insecure" }];
  const plane = new FakeControlPlane({
    xds_servers: ["first", "second"].map((server_uri) => ({ server_uri, channel_creds: creds })),
  });
  const [first, second] = ["first", "second"].map((uri) => plane.server(uri));
  const one = watch(plane, "cluster", "one");
  await settle();
  assert.equal(second.channels, 0);
  first.fail();
  await settle();
  assert.deepEqual(second.last("cluster")!.resourceNames, ["one"]);
  second.send("cluster", "1", [cluster("one")]);
  assert.deepEqual(one.events, ["change"]);
  plane.clock.tick(1_000);
  await settle();
  first.send("cluster", "1", [cluster("one", { lbPolicy: "LEAST_REQUEST" })]);
  assert.deepEqual(one.events, ["change", "change"]);
  assert.equal(second.channels, 0);
  // With everything cached, there is no fallback.
  first.fail();
  plane.clock.tick(0);
  first.fail("down");
  assert.equal(second.channels, 0);
  assert.deepEqual(one.events.at(-1), "ambient: down");
  plane.client.close();
});

Deno.test("xDS client: names of an authority go to its servers", async () => {
  const creds = [{ type: "insecure" }];
  const plane = new FakeControlPlane({
    xds_servers: [{ server_uri: "plane", channel_creds: creds }],
    authorities: { shop: { xds_servers: [{ server_uri: "shop", channel_creds: creds }] } },
  });
  const name = "xdstp://shop/envoy.config.cluster.v3.Cluster/one?b=2&a=1";
  const one = watch(plane, "cluster", name);
  const unknown = watch(plane, "cluster", "xdstp://other/envoy.config.cluster.v3.Cluster/one");
  await settle();
  const canonical = "xdstp://shop/envoy.config.cluster.v3.Cluster/one?a=1&b=2";
  assert.deepEqual(plane.server("shop").last("cluster")!.resourceNames, [canonical]);
  assert.equal(plane.server().streams, 0);
  plane.server("shop").send("cluster", "1", [
    cluster(canonical, { edsClusterConfig: { edsConfig: { ads: {} }, serviceName: "one" } }),
  ]);
  assert.deepEqual(one.events, ["change"]);
  assert.match(unknown.events[0], /the bootstrap has no authority "other"/);
  plane.client.close();
});
