import assert from "node:assert/strict";
import { LogVerbosity } from "../../src/grpc_js/constants.ts";
import { setLogger, setLogVerbosity } from "../../src/grpc_js/logging.ts";
import { channelOptions, idleTimeoutMs, serveOptions } from "../../src/grpc_js/options.ts";

Deno.test("options of channels are mapped", () => {
  const mapped = channelOptions({
    "grpc.keepalive_time_ms": 20_000,
    "grpc.keepalive_permit_without_calls": 1,
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": 100,
    "grpc.primary_user_agent": "app/1",
    "grpc.default_compression_algorithm": 2,
    "grpc.initial_reconnect_backoff_ms": 500,
    "grpc.max_reconnect_backoff_ms": 100,
  });
  assert.equal(mapped.keepaliveTimeMs, 20_000);
  assert.equal(mapped.keepaliveWithoutCalls, true);
  assert.equal(mapped.maxReceiveMessageBytes, 0x7fffffff);
  assert.equal(mapped.maxSendMessageBytes, 100);
  assert.equal(mapped.userAgent, "app/1 vrpc");
  assert.deepEqual([mapped.compress, mapped.encodings], [true, ["gzip"]]);
  assert.deepEqual([mapped.initialBackoffMs, mapped.maxBackoffMs], [500, 500]);
  assert.equal(mapped.balancer, "pick_first");
  assert.equal(idleTimeoutMs({ "grpc.client_idle_timeout_ms": 5 }), 1_000);
  assert.equal(idleTimeoutMs({}), 1_800_000);
});

Deno.test("the service config chooses the balancer, has durations as objects, and loses its retries on demand", () => {
  const retryPolicy = {
    maxAttempts: 3,
    initialBackoff: "0.1s",
    maxBackoff: "1s",
    backoffMultiplier: 2,
    retryableStatusCodes: ["UNAVAILABLE"],
  };
  const mapped = channelOptions({
    "grpc.enable_retries": 0,
    "grpc.service_config": JSON.stringify({
      loadBalancingConfig: [{ round_robin: {} }],
      methodConfig: [{ name: [{}], timeout: { seconds: 1, nanos: 500_000_000 }, retryPolicy }],
    }),
  });
  assert.equal(mapped.balancer, undefined);
  assert.deepEqual(mapped.serviceConfig, {
    loadBalancingConfig: [{ round_robin: {} }],
    methodConfig: [{ name: [{}], timeout: "1.500000000s" }],
  });
  assert.throws(() => channelOptions({ "grpc.service_config": "{" }), SyntaxError);
});

Deno.test("options of servers are mapped", () => {
  const mapped = serveOptions({
    "grpc.max_connection_age_ms": 0x7fffffff,
    "grpc.max_connection_age_grace_ms": 5,
    "grpc.max_concurrent_streams": 7,
  });
  assert.equal(mapped.maxConnectionAgeMs, Infinity);
  assert.equal(mapped.maxConnectionAgeGraceMs, 5);
  assert.equal(mapped.limits!.maxConcurrentStreams, 7);
  assert.equal(mapped.limits!.minPingIntervalMs, 0);
});

Deno.test("an option without effect is logged once", () => {
  const lines: string[] = [];
  setLogger({ error: (line: string) => lines.push(line) });
  setLogVerbosity(LogVerbosity.ERROR);
  for (let i = 0; i < 2; i++) channelOptions({ "grpc.lb.ring_hash.ring_size_cap": 1 });
  assert.deepEqual(lines, [
    "Option grpc.lb.ring_hash.ring_size_cap has no effect on channels of @vrpc/vrpc/grpc-js",
  ]);
});
