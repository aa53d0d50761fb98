// An option given as undefined is an option not given.

import assert from "node:assert/strict";
import {
  type CallOptions,
  type ChannelOptions,
  connect,
  logCalls,
  type Router,
  serve,
  type ServeOptions,
} from "../../mod.ts";
import { CHANNEL_DEFAULTS } from "../../src/rpc/channel/options.ts";
import { SERVE_DEFAULTS, SERVER_LIMIT_DEFAULTS } from "../../src/rpc/server/options.ts";
import { CONNECTION_LIMIT_RANGES } from "../../src/limits/connection_limits.ts";
import { addBatch } from "../../src/rpc/batch/mod.ts";
import { addByteStream } from "../../src/rpc/byte_stream/mod.ts";
import { concurrencyLimit, methodTimeouts } from "../../src/rpc/dispatch/mod.ts";
import { addCrypto, addEcho, addReflection } from "../../src/services/mod.ts";
import { Gateway } from "../../src/gateway/mod.ts";
import {
  callDurations,
  clientMetrics,
  clientTracing,
  observeChannel,
  observeServer,
  serverMetrics,
  serverTracing,
} from "../../src/telemetry/mod.ts";
import { createAuthority, selfSigned } from "../../src/transport/certs.ts";
import { dial, listen } from "../../src/transport/mod.ts";
import { EnclaveService } from "../../proto/gen/vrpc/enclave/v1/enclave_pb.ts";
import { X509Certificate } from "node:crypto";

/** The names of `options`, each with the value undefined. */
function undefinedOf<T extends object>(options: T): { [K in keyof T]: undefined } {
  return Object.fromEntries(Object.keys(options).map((name) => [name, undefined])) as {
    [K in keyof T]: undefined;
  };
}

const CALL: { [K in keyof Required<CallOptions>]: undefined } = {
  timeoutMs: undefined,
  signal: undefined,
  metadata: undefined,
  compress: undefined,
  waitForReady: undefined,
  onHeaders: undefined,
  onTrailers: undefined,
  onMessage: undefined,
  credentials: undefined,
  parent: undefined,
};

const SERVE: ServeOptions = undefinedOf(SERVE_DEFAULTS);
const CHANNEL: ChannelOptions = undefinedOf(CHANNEL_DEFAULTS);
const PAYLOAD = new TextEncoder().encode("payload");

function configure(router: Router): void {
  router.method(
    "/echo",
    {
      description: undefined,
      requestType: undefined,
      responseType: undefined,
      kind: undefined,
      requestCodec: undefined,
      responseCodec: undefined,
      idempotent: undefined,
    },
    (request: Uint8Array) => request,
  );
  router.method(
    "/remaining",
    {},
    (_, context) => new TextEncoder().encode(String(context.timeRemainingMs())),
  );
  router.method("/many", { kind: "server_streaming" }, function* (request) {
    yield request;
  });
  router.method("/both", { kind: "bidi_streaming" }, async function* (requests) {
    yield* requests;
  });
}

for (const wire of ["grpc", "lean"] as const) {
  Deno.test(`serve, connect and calls with every option undefined work as without: ${wire}`, async () => {
    for (const nested of [false, true]) {
      await using server = await serve("127.0.0.1:0", configure, {
        ...SERVE,
        limits: nested ? undefinedOf(SERVER_LIMIT_DEFAULTS) : undefined,
      });
      await using channel = connect(server.addresses[0], {
        ...CHANNEL,
        wire: wire === "grpc" ? undefined : wire,
        limits: nested ? undefinedOf(CONNECTION_LIMIT_RANGES) : undefined,
        poolSize: nested ? { min: undefined, max: undefined, shrinkAfterMs: undefined } : undefined,
        healthCheck: nested
          ? { intervalMs: undefined, timeoutMs: undefined, service: undefined }
          : undefined,
        serviceConfig: nested
          ? {
            methodConfig: [{
              name: [{ service: undefined, method: undefined }],
              waitForReady: undefined,
              timeout: undefined,
              maxRequestMessageBytes: undefined,
              maxResponseMessageBytes: undefined,
              retryPolicy: undefined,
              hedgingPolicy: undefined,
            }],
            retryThrottling: undefined,
            loadBalancingConfig: undefined,
            loadBalancingPolicy: undefined,
          }
          : undefined,
      });
      await channel.ready({ timeoutMs: undefined });
      assert.deepEqual(await channel.call("/echo", PAYLOAD, CALL), PAYLOAD);
      assert.deepEqual(await Array.fromAsync(channel.stream("/many", PAYLOAD, CALL)), [PAYLOAD]);
      await using session = channel.session("/both", { ...CALL, initial: undefined });
      await session.send(PAYLOAD);
      await session.closeSend();
      assert.deepEqual(await session.receive(), PAYLOAD);
      assert.equal(await session.receive(), null);
      await channel.close();
      await server.shutdown({ graceMs: undefined });
    }
  });

  Deno.test(`what the channel sets stays for calls whose option is undefined: ${wire}`, async () => {
    await using server = await serve("127.0.0.1:0", configure);
    await using channel = connect(server.addresses[0], { wire, timeoutMs: 5_000 });
    const remaining = async (options?: CallOptions) =>
      Number(new TextDecoder().decode(await channel.call("/remaining", new Uint8Array(), options)));
    assert.ok(await remaining(CALL) <= 5_000);
  });
}

Deno.test("batching, retries and hedges with undefined options use their defaults", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    configure(router);
    addBatch(router, { maxCalls: undefined, maxBufferedBytes: undefined });
  });
  await using channel = connect(server.addresses[0], {
    batch: { maxCalls: undefined, maxBytes: undefined, maxDelayMs: undefined },
    serviceConfig: {
      methodConfig: [{
        name: [{ service: "h" }],
        hedgingPolicy: { maxAttempts: 2, hedgingDelay: undefined, nonFatalStatusCodes: undefined },
      }],
    },
  });
  await channel.ready();
  const replies = await Promise.all([1, 2, 3].map(() => channel.call("/echo", PAYLOAD)));
  assert.equal(replies.length, 3);
});

Deno.test("dispatcher layers with undefined options use their defaults", async () => {
  const limited = concurrencyLimit({ limit: 1, maxQueue: undefined, methods: undefined });
  const timed = methodTimeouts({
    defaultMs: undefined,
    methods: { "/echo": undefined as unknown as number },
  });
  await using server = await serve("127.0.0.1:0", configure, {
    dispatcher: (next) => limited(timed(next)),
    interceptors: [logCalls({ level: undefined, idKey: undefined })],
  });
  await using channel = connect(server.addresses[0]);
  assert.deepEqual(await channel.call("/echo", PAYLOAD), PAYLOAD);
});

Deno.test("services and byte streams with undefined options use their defaults", async () => {
  await using server = await serve("127.0.0.1:0", (router) => {
    addEcho(router);
    addCrypto(router, { keys: undefined, backend: undefined });
    addReflection(router, { files: undefined });
    const spec = { description: undefined, requestType: undefined, responseType: undefined };
    addByteStream(router, "/bytes", spec, (stream) => stream.writeNothing());
  });
  await using channel = connect(server.addresses[0], { wire: "lean" });
  const methods = await channel.capabilities();
  const bytes = methods.find(({ name }) => name === "/bytes")!;
  assert.equal(bytes.requestType, "a stream of bytes");
  assert.equal(bytes.responseType, "a stream of bytes");
});

Deno.test("the gateway with undefined options uses its defaults", async () => {
  await using server = await serve("127.0.0.1:0", configure);
  await using channel = connect(server.addresses[0]);
  const gateway = new Gateway(channel, {
    services: [EnclaveService],
    routes: { "/none": undefined as unknown as string },
    maxBodyBytes: undefined,
    maxBufferedBytes: undefined,
    timeoutMs: undefined,
  });
  assert.equal(gateway.knows("/none"), false);
  assert.equal(gateway.knows(`/${EnclaveService.typeName}/Echo`), true);
});

Deno.test("telemetry with undefined options uses the registered providers", async () => {
  const provider = { meterProvider: undefined };
  const tracing = { tracerProvider: undefined, propagator: undefined };
  await using server = await serve("127.0.0.1:0", configure, {
    observer: serverMetrics(provider),
    interceptors: [serverTracing(tracing)],
  });
  const target = server.addresses[0];
  await using channel = connect(target, {
    observer: clientMetrics({ ...provider, target }),
    interceptors: [clientTracing(tracing), callDurations({ ...provider, target })],
  });
  observeServer(server, provider);
  observeChannel(channel, { ...provider, target });
  assert.deepEqual(await channel.call("/echo", PAYLOAD), PAYLOAD);
});

Deno.test("transports and certificates with undefined options use their defaults", async () => {
  const listener = await listen("127.0.0.1:0", {
    tls: undefined,
    alpn: undefined,
    reusePort: undefined,
  });
  const stream = await dial(listener.address, {
    timeoutMs: undefined,
    signal: undefined,
    tls: undefined,
    alpn: undefined,
    tcpKeepAlive: undefined,
    resolver: undefined,
  });
  stream.close();
  listener.close();
  const request = { commonName: undefined, days: undefined };
  const authority = await createAuthority(request);
  assert.equal(new X509Certificate(authority.cert).subject, "CN=vrpc development authority");
  const own = await selfSigned({ ...request, names: undefined });
  assert.equal(new X509Certificate(own.cert).subject, "CN=localhost");
});
