import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { ClientResourceStatus } from "../../proto/gen/envoy/admin/v3/admin_pb.ts";
import {
  ClientStatusDiscoveryService,
  ClientStatusRequestSchema,
} from "../../proto/gen/envoy/service/status/v3/status_pb.ts";
import { connect, serve } from "../../mod.ts";
import { statusOf } from "../../src/xds/csds.ts";
import { addClientStatus } from "../../src/xds/mod.ts";
import { FakeControlPlane, settle } from "./fake_control_plane.ts";
import { ask, Fleet } from "./fleet.ts";
import { cluster, endpoints, listener, locality, routes, routeTo } from "./messages.ts";

Deno.test("CSDS: states of resources, with the reason of a refusal", async () => {
  const plane = new FakeControlPlane();
  const ignore = { onChange() {}, onError() {} };
  for (const name of ["good", "bad", "later"]) plane.client.watch("cluster", name, ignore);
  plane.client.watch("route", "none", ignore);
  await settle();
  plane.server().send("cluster", "1", [cluster("good"), cluster("bad", { lbPolicy: "MAGLEV" })]);
  await settle();
  plane.clock.tick(15_000);
  plane.client.watch("endpoints", "asked", ignore);
  const request = create(ClientStatusRequestSchema);
  const [{ node, genericXdsConfigs: all }] = statusOf(plane.client, request).config;
  assert.equal(node!.id, "node-1");
  const of = (name: string) => all.find((one) => one.name === name)!;
  assert.deepEqual(
    ["good", "bad", "later", "none", "asked"].map((name) =>
      ClientResourceStatus[of(name).clientStatus]
    ),
    ["ACKED", "NACKED", "DOES_NOT_EXIST", "DOES_NOT_EXIST", "REQUESTED"],
  );
  assert.equal(of("good").versionInfo, "1");
  assert.match(of("good").xdsConfig!.typeUrl, /Cluster$/);
  assert.match(of("bad").errorState!.details, /MAGLEV/);
  assert.equal(of("bad").errorState!.versionInfo, "1");
  const brief = create(ClientStatusRequestSchema, { excludeResourceContents: true });
  assert.equal(statusOf(plane.client, brief).config[0].genericXdsConfigs[0].xdsConfig, undefined);
  assert.throws(() =>
    statusOf(plane.client, create(ClientStatusRequestSchema, { nodeMatchers: [{}] }))
  );
  plane.client.close();
});

Deno.test("CSDS: the service shows what the process has got", async () => {
  await using fleet = await Fleet.start(1);
  fleet.ads.set({
    listener: { orders: listener("orders") },
    route: { routes: routes("routes", [routeTo("a")]) },
    cluster: { a: cluster("a") },
    endpoints: { a: endpoints("a", [locality([fleet.address(0)])]) },
  });
  await using admin = await serve("127.0.0.1:0", (router) => addClientStatus(router));
  await using tool = connect(admin.addresses[0]);
  const service = tool.client(ClientStatusDiscoveryService);
  assert.equal(await ask(fleet.connect()), "0");
  const { config } = await service.fetchClientStatus({});
  assert.deepEqual(
    config[0].genericXdsConfigs.map(({ name }) => name).sort(),
    ["a", "a", "orders", "routes"],
  );
  const replies = [];
  for await (const reply of service.streamClientStatus([{}, {}])) replies.push(reply.config.length);
  assert.deepEqual(replies, [1, 1]);
});
