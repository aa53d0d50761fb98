/**
 * Metrics of a program as Prometheus text, on a separate HTTP address.
 *
 * @module
 */

import type { MeterProvider as Provider } from "@opentelemetry/api";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider, MetricReader, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { serveHttp } from "../../src/gateway/mod.ts";
import { hostAndPort, hostCheckOf, httpAddress, METRICS_ALLOW_HOST } from "./http_options.ts";
import { errorLine } from "./program.ts";

/** Time for open requests at the end of a program. */
const CLOSE_MS = 1_000;

/** Measurements, in a form that can be posted between threads. */
export type Measured = ResourceMetrics["scopeMetrics"];

/** Metrics of one thread. */
export class ThreadMetrics {
  readonly #reader = new PullReader();
  /** Provider of the instruments. */
  readonly provider: Provider = new MeterProvider({ readers: [this.#reader] });

  /** Collects the current measurements. */
  async collect(): Promise<Measured> {
    const { resourceMetrics } = await this.#reader.collect();
    return resourceMetrics.scopeMetrics;
  }

  /** Adds the memory of the process; for one thread only. */
  addProcess(): this {
    const gauge = this.provider.getMeter("process").createObservableGauge("process.memory.usage", {
      unit: "By",
      description: "Resident memory",
    });
    gauge.addCallback((result) => result.observe(Deno.memoryUsage().rss));
    return this;
  }
}

/** Reader that collects on demand. */
class PullReader extends MetricReader {
  protected override onForceFlush(): Promise<void> {
    return Promise.resolve();
  }

  protected override onShutdown(): Promise<void> {
    return Promise.resolve();
  }
}

/**
 * Renders measurements as Prometheus text. With several threads, each gets the label `thread`, from 1, which
 * Prometheus can sum up. `process` has the measurements of the whole process.
 */
export function prometheusText(threads: readonly Measured[], process: Measured = []): string {
  const byScope = new Map<string, Measured[number]>();
  [...threads, process].forEach((thread, i) => {
    for (const { scope, metrics } of thread) {
      const known = byScope.get(scope.name) ?? { scope, metrics: [] };
      byScope.set(scope.name, known);
      const label = threads.length > 1 && i < threads.length ? { thread: String(i + 1) } : {};
      for (const metric of metrics) {
        const points = metric.dataPoints.map((point) => ({
          ...point,
          attributes: { ...point.attributes, ...label },
        }));
        const same = known.metrics.find((one) => one.descriptor.name === metric.descriptor.name);
        if (same) (same.dataPoints as unknown[]).push(...points);
        else known.metrics.push({ ...metric, dataPoints: points } as typeof metric);
      }
    }
  });
  const none = { attributes: {}, merge: () => none, getRawAttributes: () => [] };
  const noScopes = [undefined, false, undefined, true, true] as const;
  return new PrometheusSerializer(...noScopes).serialize({
    resource: none as unknown as ResourceMetrics["resource"],
    scopeMetrics: [...byScope.values()],
  });
}

/** Running endpoint. */
export interface MetricsEndpoint {
  /** URL of the metrics. */
  readonly url: string;
  /** Stops serving; resolves once open requests have ended, after 1 s at most. */
  close(): Promise<void>;
}

/** What {@link serveMetrics} serves. */
export interface MetricsSource {
  /** Collects the measurements of the threads. */
  threads(): Promise<readonly Measured[]>;
  /** Collects the measurements of the whole process. Default: none. */
  process?(): Promise<Measured>;
  /** Further hosts that requests may name. Default: none. */
  readonly allowHost?: readonly string[];
}

// Scrapers are few.
const METRICS_LIMITS = { maxConnections: 64, maxBodyBytes: 65_536 };

/** Serves `GET /metrics` at `address`. Rejects when it can't listen. */
export async function serveMetrics(
  address: string,
  source: MetricsSource,
): Promise<MetricsEndpoint> {
  const where = httpAddress(address, "--metrics-addr");
  try {
    const server = await serveHttp(hostAndPort(where), async (request) => {
      const refused = refusal(request);
      if (refused !== undefined) return refused;
      const { pathname } = new URL(request.url);
      if (pathname !== "/metrics") return new Response("GET /metrics\n", { status: 404 });
      if (request.method !== "GET") return new Response(null, { status: 405 });
      return metricsResponse(await source.threads(), await source.process?.());
    }, { limits: METRICS_LIMITS });
    const { address: listening } = server;
    const refusal = hostCheckOf(httpAddress(listening, "--metrics-addr"), {
      name: where.hostname,
      option: METRICS_ALLOW_HOST,
      allow: source.allowHost,
    });
    return {
      url: `http://${listening}/metrics`,
      close: () => server.shutdown({ graceMs: CLOSE_MS }),
    };
  } catch (error) {
    const line = errorLine(error).replace(
      /^Cannot listen on \S+:/,
      (start) => `${start.slice(0, -1)} (--metrics-addr):`,
    );
    throw new Error(line, { cause: error });
  }
}

/** Creates an HTTP response with Prometheus text. */
export function metricsResponse(threads: readonly Measured[], process?: Measured): Response {
  return new Response(prometheusText(threads, process), {
    headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
  });
}
