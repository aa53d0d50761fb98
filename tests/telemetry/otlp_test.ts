import assert from "node:assert/strict";

interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: string | number; doubleValue?: number };
}

interface Point {
  attributes: Attribute[];
  explicitBounds?: number[];
}

interface Received {
  spans: { name: string; kind: number; attributes: Attribute[]; status?: { code?: number } }[];
  metrics: {
    name: string;
    unit: string;
    histogram?: { dataPoints: Point[] };
    sum?: { dataPoints: Point[] };
  }[];
}

/** Runs the program with Deno's exporter and a receiver of OTLP; returns what was received. */
async function received(env: Record<string, string> = {}): Promise<Received> {
  const all: Received = { spans: [], metrics: [] };
  const receiver = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen() {} },
    async (request) => {
      const path = new URL(request.url).pathname;
      const body = await request.json();
      if (path === "/v1/traces") {
        for (const { scopeSpans } of body.resourceSpans) {
          for (const { scope, spans } of scopeSpans) {
            if (scope?.name === "vrpc") all.spans.push(...spans);
          }
        }
      } else if (path === "/v1/metrics") {
        for (const { scopeMetrics } of body.resourceMetrics) {
          for (const { scope, metrics } of scopeMetrics) {
            if (scope?.name === "vrpc") all.metrics.push(...metrics);
          }
        }
      }
      return Response.json({});
    },
  );
  try {
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--no-check", "-A", new URL("otlp_program.ts", import.meta.url).pathname],
      env: {
        OTEL_DENO: "true",
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
        OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${receiver.addr.port}`,
        DENO_NO_UPDATE_CHECK: "1",
        ...env,
      },
      stdout: "null",
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
  } finally {
    await receiver.shutdown();
  }
  return all;
}

const record = (attributes: Attribute[]) =>
  Object.fromEntries(
    attributes.map(({ key, value }) => {
      // Deno sends whole numbers of JavaScript as doubles.
      const number = value.intValue ?? value.doubleValue;
      return [key, value.stringValue ?? (number === undefined ? undefined : Number(number))];
    }),
  );

// docs/rpc/grpc.md, rpc-spans.md and rpc-metrics.md of the semantic conventions, release candidate after v1.44.0.
const SPAN_KIND = { server: 2, client: 3 };
const BOUNDS = [0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10];
const SERVER_NAMES = ["network.peer.address", "network.peer.port"];
const CLIENT_NAMES = ["server.address", "server.port"];
const CALL_NAMES = ["rpc.method", "rpc.status_code", "rpc.system.name"];

Deno.test("a collector receives spans and metrics with the names of the conventions", async () => {
  const { spans, metrics } = await received();
  assert.equal(spans.length, 4);
  for (const { name, kind, attributes, status } of spans) {
    const values = record(attributes);
    const failed = name === "test.Service/Fail";
    const side = kind === SPAN_KIND.client ? CLIENT_NAMES : SERVER_NAMES;
    assert.ok(kind === SPAN_KIND.client || kind === SPAN_KIND.server);
    assert.deepEqual(
      Object.keys(values).sort(),
      [...CALL_NAMES, ...side, ...(failed ? ["error.type"] : [])].sort(),
    );
    assert.equal(values["rpc.system.name"], "grpc");
    assert.equal(values["rpc.method"], name);
    assert.equal(values["rpc.status_code"], failed ? "INTERNAL" : "OK");
    if (failed) assert.equal(values["error.type"], "INTERNAL");
    if (kind === SPAN_KIND.client) {
      assert.equal(values["server.address"], "localhost");
      assert.ok(Number(values["server.port"]) > 0);
    }
    assert.equal(status?.code ?? 0, failed ? 2 : 0);
  }
  const byName = new Map(metrics.map((metric) => [metric.name, metric]));
  assert.deepEqual([...byName.keys()].sort(), [
    "grpc.client.attempt.duration",
    "grpc.client.attempt.rcvd_total_compressed_message_size",
    "grpc.client.attempt.sent_total_compressed_message_size",
    "grpc.client.attempt.started",
    "grpc.client.call.duration",
    "grpc.server.call.duration",
    "grpc.server.call.rcvd_total_compressed_message_size",
    "grpc.server.call.sent_total_compressed_message_size",
    "grpc.server.call.started",
    "rpc.client.call.duration",
    "rpc.server.call.duration",
  ]);
  for (const side of ["client", "server"]) {
    const { unit, histogram } = byName.get(`rpc.${side}.call.duration`)!;
    assert.equal(unit, "s");
    assert.equal(histogram!.dataPoints.length, 2);
    for (const { attributes, explicitBounds } of histogram!.dataPoints) {
      const values = record(attributes);
      const failed = values["rpc.method"] === "test.Service/Fail";
      assert.deepEqual(
        Object.keys(values).sort(),
        [
          ...CALL_NAMES,
          ...(side === "client" ? CLIENT_NAMES : []),
          ...(failed ? ["error.type"] : []),
        ].sort(),
      );
      assert.deepEqual(explicitBounds, BOUNDS);
    }
  }
  // A66: units and labels.
  for (const [name, metric] of byName) {
    if (!name.startsWith("grpc.")) continue;
    const points = metric.histogram?.dataPoints ?? metric.sum!.dataPoints;
    const labels = Object.keys(record(points[0].attributes)).sort();
    const expected = ["grpc.method"];
    if (!name.endsWith(".started")) expected.push("grpc.status");
    if (name.startsWith("grpc.client")) expected.push("grpc.target");
    assert.deepEqual(labels, expected, name);
    const unit = name.endsWith("duration") ? "s" : name.endsWith("size") ? "By" : undefined;
    assert.equal(metric.unit, unit ?? (name.includes("attempt") ? "{attempt}" : "{call}"));
  }
});

Deno.test("OTEL_SEMCONV_STABILITY_OPT_IN=rpc/dup adds the old names", async () => {
  const { spans } = await received({ OTEL_SEMCONV_STABILITY_OPT_IN: "http,rpc/dup" });
  for (const { name, attributes } of spans) {
    const values = record(attributes);
    assert.equal(values["rpc.method"], name);
    assert.equal(values["rpc.system"], "grpc");
    assert.equal(values["rpc.service"], "test.Service");
    assert.equal(values["rpc.grpc.status_code"], name.endsWith("Fail") ? 13 : 0);
  }
});
