import assert from "node:assert/strict";
import { Status } from "../../../mod.ts";
import { parseServiceConfig, type ServiceConfig } from "../../../src/rpc/client/service_config.ts";

Deno.test("the most exact name wins: method, service, default", () => {
  const config = parseServiceConfig(JSON.stringify({
    loadBalancingConfig: [{ unheard_of: {} }, { round_robin: {} }],
    methodConfig: [
      { name: [{ service: "a.S", method: "M" }], timeout: "1s" },
      { name: [{ service: "a.S" }, { service: "a.T" }], timeout: "2.5s" },
      { name: [{}], timeout: "3s", waitForReady: true },
    ],
  }));
  assert.equal(config.balancer, "round_robin");
  assert.equal(config.forMethod("/a.S/M")?.timeoutMs, 1_000);
  assert.equal(config.forMethod("/a.S/N")?.timeoutMs, 2_500);
  assert.equal(config.forMethod("/a.T/M")?.timeoutMs, 2_500);
  assert.equal(config.forMethod("/a.U/M")?.timeoutMs, 3_000);
  assert.equal(config.forMethod("/a.U/M")?.waitForReady, true);
});

Deno.test("policies are read as A6 says", () => {
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

Deno.test("what is wrong is named", () => {
  const policy = {
    maxAttempts: 3,
    initialBackoff: "0.1s",
    maxBackoff: "1s",
    backoffMultiplier: 2,
    retryableStatusCodes: ["UNAVAILABLE"],
  };
  const one = (entry: object) => ({ methodConfig: [{ name: [{}], ...entry }] }) as ServiceConfig;
  const cases: [ServiceConfig | string, RegExp][] = [
    ["{", /Cannot read the service config: /],
    [one({ timeout: "5" }), /methodConfig\[0\]\.timeout: "5" is no duration/],
    [one({ retryPolicy: { ...policy, maxAttempts: 1 } }), /maxAttempts: 1/],
    [
      one({ retryPolicy: { ...policy, retryableStatusCodes: [] } }),
      /retryableStatusCodes: it is empty/,
    ],
    [
      one({ retryPolicy: { ...policy, retryableStatusCodes: ["NOPE"] } }),
      /"NOPE" is no status code/,
    ],
    [one({ retryPolicy: { ...policy, maxBackoff: "0s" } }), /maxBackoff: 0 is not above 0/],
    [one({ retryPolicy: policy, hedgingPolicy: { maxAttempts: 2 } }), /both/],
    [one({ maxRequestMessageBytes: -1 }), /maxRequestMessageBytes: -1/],
    [{ retryThrottling: { maxTokens: 2000, tokenRatio: 1 } }, /maxTokens: 2000 is not 1 to 1000/],
    [{ methodConfig: [{ name: [{}] }, { name: [{}] }] }, /named twice/],
    [{ methodConfig: [{ name: [{ method: "M" }] }] }, /a method needs its service/],
  ];
  for (const [config, message] of cases) {
    assert.throws(() => parseServiceConfig(config), { name: "TypeError", message });
  }
});
