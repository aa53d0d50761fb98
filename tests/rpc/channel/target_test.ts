import assert from "node:assert/strict";
import { configureBalancer } from "../../../src/rpc/balancer/registry.ts";
import { FailureLog } from "../../../src/rpc/core/failure_log.ts";
import { clientLog } from "../../../src/rpc/core/log.ts";
import type { ChannelOptions } from "../../../src/rpc/channel/options.ts";
import { makeTarget } from "../../../src/rpc/channel/target.ts";

const failures = new FailureLog(clientLog, false);

Deno.test("the :authority is the target's host and port, or localhost without a host", async () => {
  const cases: [target: string, options: ChannelOptions, authority: string][] = [
    ["127.0.0.1:50051", {}, "127.0.0.1:50051"],
    ["dns:api.internal:443", {}, "api.internal:443"],
    ["unix:/run/api.sock", {}, "localhost"],
    ["memory:a", {}, "localhost"],
    ["127.0.0.1:1", { tls: { serverName: "api.internal" } }, "api.internal:1"],
    ["unix:/run/api.sock", { tls: { serverName: "api.internal" } }, "api.internal"],
    ["127.0.0.1:1", { authority: "given:2" }, "given:2"],
  ];
  for (const [text, options, authority] of cases) {
    const target = makeTarget(text, options, undefined, failures);
    assert.equal(target.authority, authority, text);
    const { addresses } = await target.resolve(new AbortController().signal);
    assert.equal(target.authorityOf(addresses[0] as string), authority, text);
  }
});

Deno.test("the default balancer is least_request for several addresses, else pick_first", () => {
  const balancer = (target: string | string[], options: ChannelOptions = {}) =>
    makeTarget(target, options, undefined, failures).balancer.policy.name;
  assert.equal(balancer("127.0.0.1:1"), "pick_first");
  assert.equal(balancer("dns:api.internal:1"), "pick_first");
  assert.equal(balancer(["127.0.0.1:1", "127.0.0.1:2"]), "least_request");
  assert.equal(balancer(["127.0.0.1:1", "127.0.0.1:2"], { balancer: "pick_first" }), "pick_first");
  const configured = makeTarget(
    "127.0.0.1:1",
    {},
    configureBalancer("round_robin"),
    failures,
  );
  assert.equal(configured.balancer.policy.name, "round_robin");
});

Deno.test("a DNS name is resolved to all addresses only if calls are spread over them", async () => {
  const resolver = (_: string, port: number) =>
    Promise.resolve(
      ["10.0.0.1", "10.0.0.2"].map((host) => ({ kind: "tcp" as const, host, port })),
    );
  const resolve = (options: ChannelOptions) =>
    makeTarget("dns:api.internal:1", { resolver, ...options }, undefined, failures)
      .resolve(new AbortController().signal);
  assert.deepEqual((await resolve({})).addresses, ["api.internal:1"]);
  assert.deepEqual((await resolve({ balancer: "round_robin" })).addresses, [
    "10.0.0.1:1",
    "10.0.0.2:1",
  ]);
});

Deno.test("with a dial function and no resolver, addresses may have any form", async () => {
  const target = makeTarget(
    "anything at all",
    { dial: () => Promise.reject() },
    undefined,
    failures,
  );
  assert.deepEqual((await target.resolve(new AbortController().signal)).addresses, [
    "anything at all",
  ]);
  assert.throws(() => makeTarget("anything at all", {}, undefined, failures), TypeError);
  assert.throws(() => makeTarget([], {}, undefined, failures), TypeError);
});
