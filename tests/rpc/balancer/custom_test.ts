import assert from "node:assert/strict";
import { connect, Status } from "../../../mod.ts";
import {
  PickFailure,
  ReadyBalancer,
  registerBalancer,
  type SubchannelListener,
} from "../../../src/rpc/balancer/mod.ts";
import { EMPTY } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";

registerBalancer({
  name: "test.by_path",
  parseConfig(json) {
    if ((json as { bad?: boolean }).bad) throw new TypeError("bad config");
    return json;
  },
  create: (host) =>
    new ReadyBalancer(host, (ready) => ({
      dependsOnCall: true,
      pick(call) {
        if (call.path === "/drop") return new PickFailure(Status.UNAVAILABLE, "dropped", true);
        const wanted = call.metadata?.get("server");
        return ready.find((one) => one.address.address === wanted)?.subchannel;
      },
    })),
});

const byPath = {
  serviceConfig: { loadBalancingConfig: [{ "test.unknown": {} }, { "test.by_path": {} }] },
  poolSize: 1,
} as const;

Deno.test("a policy of one's own is chosen by service config, and picks by the call", async () => {
  await using network = new Network();
  for (const name of ["a", "b"]) await network.up(name);
  const channel = network.connect(["a", "b"], byPath);
  await channel.ready();
  for (const host of ["b", "b", "a"]) {
    await channel.call("/suite/echo", EMPTY, { metadata: { server: host } });
  }
  assert.deepEqual(channel.stats().connections.map((one) => one.callsStarted), [1, 2]);
});

Deno.test("a call without a subchannel waits, and does not hold up those behind it", async () => {
  await using network = new Network();
  await network.up("a");
  const channel = network.connect(["a", "b"], byPath);
  await channel.call("/suite/echo", EMPTY, { metadata: { server: "a" } });
  const waiting = channel.call("/suite/echo", EMPTY, { metadata: { server: "b" } });
  await channel.call("/suite/echo", EMPTY, { metadata: { server: "a" } });
  assert.equal(channel.stats().queuedCalls, 1);
  await network.up("b");
  await network.pass(2_000);
  await waiting;
});

Deno.test("a dropped call fails although it would wait", async () => {
  await using network = new Network();
  await network.up("a");
  const channel = network.connect(["a"], byPath);
  const early = failure(channel.call("/drop", EMPTY, { waitForReady: true }));
  assert.equal((await early).message, "dropped");
  const late = await failure(channel.call("/drop", EMPTY, { waitForReady: true }));
  assert.equal(late.message, "dropped");
});

Deno.test("a configuration that is not valid is a TypeError of connect", () => {
  const loadBalancingConfig = [{ "test.by_path": { bad: true } }];
  assert.throws(() => connect("a:1", { serviceConfig: { loadBalancingConfig } }), /bad config/);
  assert.throws(() => connect("a:1", { balancer: { "test.by_path": { bad: true } } }), TypeError);
  assert.throws(
    () => connect("a:1", { serviceConfig: { loadBalancingConfig: [{ a: 1, b: 2 }] } }),
    /loadBalancingConfig\[0\]: it must name exactly one policy/,
  );
});

Deno.test("a balancer learns of the end of each call", async () => {
  const ends: Status[] = [];
  registerBalancer({
    name: "test.ends",
    create: (host) => {
      const inner = new ReadyBalancer({
        ...host,
        createSubchannel: (address, listener: SubchannelListener) =>
          host.createSubchannel(address, {
            onState: (state, error) => listener.onState(state, error),
            onCallEnd: (code) => void ends.push(code),
          }),
      }, (ready) => ({ pick: () => ready[0].subchannel }));
      return inner;
    },
  });
  await using network = new Network();
  await network.up("a");
  for (const retries of [false, true]) {
    ends.length = 0;
    const channel = network.connect("a", {
      balancer: "test.ends",
      healthCheck: { service: "" },
      serviceConfig: retries
        ? {
          methodConfig: [{
            name: [{}],
            hedgingPolicy: { maxAttempts: 2, hedgingDelay: "10s" },
          }],
        }
        : undefined,
    });
    await channel.call("/suite/echo", EMPTY);
    await failure(channel.call("/nowhere", EMPTY));
    const controller = new AbortController();
    const hanging = failure(
      channel.call("/suite/hang", EMPTY, { signal: controller.signal, timeoutMs: 50_000 }),
    );
    await network.settle();
    controller.abort();
    await hanging;
    const lost = failure(channel.call("/suite/hang", EMPTY));
    await network.settle();
    for (const stream of network.hosts.get("a")!.streams) stream.close();
    await lost;
    assert.deepEqual(ends.slice(0, 4), [
      Status.OK,
      Status.UNIMPLEMENTED,
      Status.CANCELLED,
      Status.UNAVAILABLE,
    ]);
    await channel.close();
  }
});
