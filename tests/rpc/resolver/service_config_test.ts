import assert from "node:assert/strict";
import { Status } from "../../../mod.ts";
import {
  parseServiceConfig,
  type ServiceConfig,
} from "../../../src/rpc/resolver/service_config.ts";
import { EMPTY, text, untext } from "../../fixtures/bytes.ts";
import { failure } from "../../../src/testing/failure.ts";
import { Network } from "../../fixtures/network.ts";
import { startPolicyServer } from "../client/policy_server.ts";

Deno.test("the most specific name applies: method, service, default", () => {
  const config = parseServiceConfig(JSON.stringify({
    loadBalancingConfig: [{ unheard_of: {} }, { round_robin: {} }],
    methodConfig: [
      { name: [{ service: "a.S", method: "M" }], timeout: "1s" },
      { name: [{ service: "a.S" }, { service: "a.T" }], timeout: "2.5s" },
      { name: [{}], timeout: "3s", waitForReady: true },
    ],
  }));
  assert.equal(config.balancer?.policy.name, "round_robin");
  assert.equal(config.forMethod("/a.S/M")?.timeoutMs, 1_000);
  assert.equal(config.forMethod("/a.S/N")?.timeoutMs, 2_500);
  assert.equal(config.forMethod("/a.T/M")?.timeoutMs, 2_500);
  assert.equal(config.forMethod("/a.U/M")?.timeoutMs, 3_000);
  assert.equal(config.forMethod("/a.U/M")?.waitForReady, true);
});

Deno.test("policies are parsed as in gRPC A6", () => {
  const retryPolicy = {
    maxAttempts: 9,
    initialBackoff: "0.1s",
    maxBackoff: "1s",
    backoffMultiplier: 1.5,
    retryableStatusCodes: ["UNAVAILABLE", "aborted", 8],
  };
  const { retry } = parseServiceConfig({ methodConfig: [{ name: [{}], retryPolicy }] })
    .forMethod("/a/b")!;
  assert.equal(retry!.maxAttempts, 5);
  assert.equal(retry!.initialBackoffMs, 100);
  assert.deepEqual(
    retry!.retryableCodes,
    new Set([Status.UNAVAILABLE, Status.ABORTED, Status.RESOURCE_EXHAUSTED]),
  );
});

Deno.test("parseServiceConfig() names the invalid field", () => {
  const policy = {
    maxAttempts: 3,
    initialBackoff: "0.1s",
    maxBackoff: "1s",
    backoffMultiplier: 2,
    retryableStatusCodes: ["UNAVAILABLE"],
  };
  const one = (entry: object) => ({ methodConfig: [{ name: [{}], ...entry }] }) as ServiceConfig;
  const cases: [ServiceConfig | string, RegExp][] = [
    ["{", /Cannot parse the service config: /],
    [one({ timeout: "5" }), /methodConfig\[0\]\.timeout: "5" is not a duration/],
    [one({ retryPolicy: { ...policy, maxAttempts: 1 } }), /maxAttempts: 1/],
    [
      one({ retryPolicy: { ...policy, retryableStatusCodes: [] } }),
      /retryableStatusCodes: must not be empty/,
    ],
    [
      one({ retryPolicy: { ...policy, retryableStatusCodes: ["NOPE"] } }),
      /"NOPE" is not a status code/,
    ],
    [one({ retryPolicy: { ...policy, maxBackoff: "0s" } }), /maxBackoff: 0 is not above 0/],
    [
      one({ retryPolicy: policy, hedgingPolicy: { maxAttempts: 2 } }),
      /only one of retryPolicy and hedgingPolicy is allowed/,
    ],
    [one({ maxRequestMessageBytes: -1 }), /maxRequestMessageBytes: -1/],
    [
      { retryThrottling: { maxTokens: 2000, tokenRatio: 1 } },
      /maxTokens: 2000 is not an integer from 1 to 1000/,
    ],
    [{ methodConfig: [{ name: [{}] }, { name: [{}] }] }, /configured twice/],
    [{ methodConfig: [{ name: [{ method: "M" }] }] }, /a method requires a service/],
  ];
  for (const [config, message] of cases) {
    assert.throws(() => parseServiceConfig(config), { name: "TypeError", message });
  }
});

Deno.test("the service config sets timeout and size limits per method", async () => {
  await using network = new Network();
  const { server, channel } = await startPolicyServer(network, {
    methodConfig: [{
      name: [{ service: "t.S", method: "Unary" }],
      timeout: "0.25s",
      maxRequestMessageBytes: 10,
      maxResponseMessageBytes: "5",
    }],
  }, (_, ctx) => text(ctx.timeRemainingMs() <= 250 ? "ok" : "no"));
  assert.equal(untext(await channel.call("/t.S/Unary", EMPTY)), "ok");
  assert.equal(
    (await failure(channel.call("/t.S/Unary", new Uint8Array(11)))).code,
    Status.RESOURCE_EXHAUSTED,
  );
  await server.close();
});
