import assert from "node:assert/strict";
import { prometheusReport, pushOtlp } from "../../cmd/benchmark/measured.ts";
import { stagedRun } from "../load/fixtures.ts";

/** Reads the text format 0.0.4 of Prometheus; throws for a line that is not of it. */
function samples(text: string): Map<string, number> {
  const found = new Map<string, number>();
  const types = new Map<string, string>();
  for (const line of text.trimEnd().split("\n")) {
    const comment = /^# (HELP|TYPE|UNIT) ([a-zA-Z_:][\w:]*) (.*)$/.exec(line);
    if (comment) {
      if (comment[1] === "TYPE") types.set(comment[2], comment[3]);
      continue;
    }
    const label = /[a-zA-Z_]\w*="(?:[^"\\\n]|\\["\\n])*"/.source;
    const sample = new RegExp(
      `^([a-zA-Z_:][\\w:]*)(?:\\{(${label}(?:,${label})*)\\})? ([-+.\\deE]+|\\+Inf)( \\d+)?$`,
    ).exec(line);
    assert.ok(sample, line);
    const base = sample[1].replace(/_(bucket|sum|count)$/, "");
    assert.ok(types.has(sample[1]) || types.get(base) === "histogram", line);
    found.set(`${sample[1]}{${sample[2] ?? ""}}`, Number(sample[3]));
  }
  return found;
}

Deno.test("prometheusReport() is text of Prometheus, with a histogram that adds up", async () => {
  const all = samples(prometheusReport([await stagedRun()]));
  const of = (name: string, ...labels: string[]) =>
    [...all].filter(([key]) => key.startsWith(name) && labels.every((one) => key.includes(one)));
  const whole = (name: string, ...labels: string[]) =>
    of(name, ...labels).filter(([key]) => !key.includes('part="'));
  const buckets = whole("vrpc_benchmark_latency_bucket");
  const counts = buckets.map(([, count]) => count);
  assert.deepEqual(counts, counts.toSorted((a, b) => a - b));
  assert.equal(whole("vrpc_benchmark_latency_bucket", 'le="+Inf"')[0][1], 1200);
  assert.equal(whole("vrpc_benchmark_latency_bucket", 'le="0.02"')[0][1], 200);
  assert.equal(whole("vrpc_benchmark_latency_bucket", 'le="0.05"')[0][1], 1200);
  assert.ok(Math.abs(whole("vrpc_benchmark_latency_sum")[0][1] - 32) < 0.01);
  assert.equal(of("vrpc_benchmark_calls_total", 'status="OK"', 'build="7 <b>"')[0][1], 1200);
  assert.equal(of("vrpc_benchmark_latency_count", 'part="peak"')[0][1], 1000);
});

Deno.test("pushOtlp() sends JSON of OTLP to a collector", async () => {
  const requests: { path: string; type: string | null; body: unknown }[] = [];
  await using collector = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const type = request.headers.get("content-type");
      requests.push({ path: `${request.method} ${pathname}`, type, body: await request.json() });
      return Response.json({}, { status: pathname.startsWith("/down") ? 503 : 200 });
    },
  );
  const endpoint = `http://127.0.0.1:${collector.addr.port}`;
  await pushOtlp([await stagedRun()], endpoint);
  const [{ path, type, body }] = requests;
  assert.deepEqual([path, type], ["POST /v1/metrics", "application/json"]);
  // deno-lint-ignore no-explicit-any -- as the specification has it
  const [{ resource, scopeMetrics: [{ scope, metrics }] }] = (body as any).resourceMetrics;
  assert.deepEqual(resource.attributes, [
    { key: "service.name", value: { stringValue: "vrpc-benchmark" } },
  ]);
  assert.equal(scope.name, "vrpc.benchmark");
  const { unit, histogram } = metrics.find((one: { name: string }) =>
    one.name === "vrpc.benchmark.latency"
  );
  assert.deepEqual([unit, histogram.aggregationTemporality], ["s", 2]);
  const [point] = histogram.dataPoints;
  assert.equal(point.bucketCounts.length, point.explicitBounds.length + 1);
  assert.equal(point.bucketCounts.map(Number).reduce((a: number, b: number) => a + b), 1200);
  assert.equal(Number(point.count), 1200);
  assert.match(String(point.timeUnixNano), /^\d{19}$/);
  await assert.rejects(
    pushOtlp([await stagedRun()], `${endpoint}/down/`),
    /^Error: Cannot send metrics to http:\S+\/down\/v1\/metrics: it answered 503$/,
  );
});
