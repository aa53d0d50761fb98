import assert from "node:assert/strict";
import { documentedMetrics, documentedSpans } from "./documented_names.ts";

interface Attribute {
  key: string;
  value: {
    stringValue?: string;
    intValue?: string | number;
    doubleValue?: number;
    boolValue?: boolean;
  };
}

interface Point {
  attributes: Attribute[];
  explicitBounds?: number[];
}

interface Metric {
  name: string;
  unit: string;
  histogram?: { dataPoints: Point[] };
  sum?: { dataPoints: Point[]; isMonotonic?: boolean };
  gauge?: { dataPoints: Point[] };
}

interface Span {
  name: string;
  kind: number;
  attributes: Attribute[];
  status?: { code?: number };
  events: { name: string; attributes: Attribute[] }[];
}

interface Received {
  spans: Span[];
  metrics: Metric[];
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
        OTEL_METRIC_EXPORT_INTERVAL: "100",
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
      const other = value.boolValue ?? (number === undefined ? undefined : Number(number));
      return [key, value.stringValue ?? other];
    }),
  );

// docs/rpc/grpc.md of the conventions.
const SERVER_ERRORS = [
  ...["UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"],
];
const KINDS: Record<number, string> = { 2: "server", 3: "client" };

/** Throws unless `keys` has all required names, and otherwise only optional ones. */
function checkNames(
  keys: string[],
  { required, optional }: { required: string[]; optional: string[] },
  where: string,
): void {
  const missing = required.filter((name) => !keys.includes(name));
  const unknown = keys.filter((name) => !required.includes(name) && !optional.includes(name));
  assert.deepEqual({ missing, unknown }, { missing: [], unknown: [] }, where);
}

function checkSpans(spans: Span[], optIn: boolean): void {
  const documented = documentedSpans();
  const seen = new Set<string>();
  for (const { name, kind, attributes, status, events } of spans) {
    const values = record(attributes);
    const side = KINDS[kind];
    const row = documented.get(side)!;
    const names = optIn
      ? { ...row, required: [...row.required, ...documented.get("`rpc/dup` adds")!.required] }
      : row;
    // A call that found no connection has no peer.
    const lost = values["network.peer.address"] === undefined;
    if (lost) assert.equal(values["rpc.status_code"], "UNAVAILABLE");
    const isPeer = (one: string) => one.startsWith("network.peer.");
    const required = names.required.filter((one) => !lost || !isPeer(one));
    checkNames(Object.keys(values), { ...names, required }, `${side} ${name}`);
    assert.equal(values["rpc.system.name"], "grpc");
    assert.equal(values["rpc.method"], name);
    const code = String(values["rpc.status_code"]);
    const failed = side === "client" ? code !== "OK" : SERVER_ERRORS.includes(code);
    assert.equal(values["error.type"], failed ? code : undefined);
    assert.equal(status?.code ?? 0, failed ? 2 : 0);
    for (const key of Object.keys(values)) seen.add(`${side} ${key}`);
    for (const event of events) {
      checkNames(Object.keys(record(event.attributes)), documented.get(event.name)!, event.name);
      seen.add(event.name);
    }
  }
  for (const one of ["vrpc.retry", "vrpc.hedge", "Delayed LB pick complete"]) {
    assert.ok(seen.has(one), one);
  }
  for (const side of ["client", "server"]) {
    const { required, optional } = documented.get(side)!;
    for (const one of [...required, ...optional]) {
      // The server that the name `zk://fleet` stands for has no port.
      assert.ok(seen.has(`${side} ${one}`), `${side} ${one}`);
    }
  }
}

// What the program does not bring about: tested with balancers in virtual time.
const UNSEEN = [
  "grpc.client.call.transparent_retries",
  "grpc.lb.outlier_detection.ejections_unenforced",
  "grpc.lb.wrr.endpoint_weight_not_yet_usable",
  "grpc.lb.wrr.endpoint_weight_stale",
];

Deno.test("a collector receives spans and metrics with the documented names of the conventions", async () => {
  const { spans, metrics } = await received();
  checkSpans(spans, false);
  const documented = documentedMetrics();
  const seen = new Map<string, Set<string>>();
  for (const { name, unit, histogram, sum, gauge } of metrics) {
    const row = documented.get(name);
    assert.ok(row, `${name} is not documented`);
    assert.equal(unit, row.unit, name);
    const kind = histogram ? "histogram" : gauge ? "gauge" : sum!.isMonotonic ? "counter" : "sum";
    assert.equal(kind, row.kind, name);
    const labels = seen.get(name) ?? new Set();
    seen.set(name, labels);
    for (const point of (histogram ?? sum ?? gauge)!.dataPoints) {
      const keys = Object.keys(record(point.attributes));
      checkNames(keys, row, name);
      for (const key of keys) labels.add(key);
      if (row.bounds !== undefined) assert.deepEqual(point.explicitBounds, row.bounds, name);
    }
  }
  for (const [name, { optional, onlyOptIn }] of documented) {
    if (onlyOptIn) assert.ok(!seen.has(name), name);
    else if (!UNSEEN.includes(name)) {
      assert.ok(seen.has(name), `${name} was not received`);
      for (const label of optional) assert.ok(seen.get(name)!.has(label), `${name}: ${label}`);
    }
  }
});

Deno.test("OTEL_SEMCONV_STABILITY_OPT_IN=rpc/dup adds the old names", async () => {
  const { spans, metrics } = await received({ OTEL_SEMCONV_STABILITY_OPT_IN: "http,rpc/dup" });
  checkSpans(spans, true);
  for (const { name, attributes } of spans) {
    const values = record(attributes);
    assert.equal(values["rpc.system"], "grpc");
    assert.equal(values["rpc.service"], "test.Service");
    assert.equal(values["rpc.response.status_code"], values["rpc.status_code"]);
    if (name.endsWith("Fail")) assert.equal(values["rpc.grpc.status_code"], 13);
  }
  const documented = documentedMetrics();
  for (const side of ["server", "client"]) {
    const { unit, histogram } = metrics.find(({ name }) => name === `rpc.${side}.duration`)!;
    assert.equal(unit, "ms");
    const row = documented.get(`rpc.${side}.duration`)!;
    for (const { attributes } of histogram!.dataPoints) {
      const values = record(attributes);
      checkNames(Object.keys(values), row, side);
      assert.equal(values["rpc.service"], "test.Service");
      assert.match(String(values["rpc.method"]), /^(Echo|Fail|Retried|Hedged|Ejected)$/);
    }
    assert.ok(metrics.some(({ name }) => name === `rpc.${side}.call.duration`));
  }
});
