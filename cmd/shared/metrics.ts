/**
 * Metrics of a program as Prometheus text, on a separate HTTP address.
 *
 * @module
 */

import type { MeterProvider as Provider } from "@opentelemetry/api";
import { PrometheusSerializer } from "@opentelemetry/exporter-prometheus";
import { MeterProvider, MetricReader, type ResourceMetrics } from "@opentelemetry/sdk-metrics";
import { type Command, InvalidArgumentError, type Option } from "commander";
import { allowedHosts, type HostCheck, serveHttp } from "../../src/gateway/mod.ts";
import { errorLine, list, option, UsageError } from "./program.ts";

/** Options added by {@link addMetricsOption}. */
export interface MetricsFlags {
  /** Address to serve metrics on; undefined for no metrics. */
  metricsAddr?: string;
  /** Further hosts that requests for metrics may name. */
  metricsAllowHost?: string[];
}

/** Time for open requests at the end of a program. */
const CLOSE_MS = 1_000;
const METRICS_ALLOW_HOST = "--metrics-allow-host";

/** Measurements, in a form that can be posted between threads. */
export type Measured = ResourceMetrics["scopeMetrics"];

/** Adds `--metrics-addr`. */
export function addMetricsOption(command: Command): Command {
  return command.addOption(
    option(
      "--metrics-addr <host:port>",
      "VRPC_METRICS_ADDR",
      "answer GET /metrics there; default: off",
      {
        parse(text) {
          if (parseHttpAddress(text) !== undefined) return text;
          throw new InvalidArgumentError("It must have the form 127.0.0.1:9464.");
        },
      },
    ),
  ).addOption(allowHostOption(METRICS_ALLOW_HOST, "VRPC_METRICS_ALLOW_HOST"));
}

/** Creates the option with further hosts that HTTP requests may name. */
export function allowHostOption(flag: string, variable: string): Option {
  return option(
    `${flag} <host>`,
    variable,
    "further Host to answer to: name, name:port or * for any; may be repeated",
    { parse: hosts() },
  );
}

function hosts(): (text: string) => string[] {
  const read = list();
  return (text) => {
    const allow = read(text);
    try {
      allowedHosts({ hostname: "127.0.0.1", port: 0, allow });
    } catch (error) {
      throw new InvalidArgumentError(errorLine(error));
    }
    return allow;
  };
}

/**
 * Creates the check of Host and Origin for a listener. `name` is the address as it was given, `option` the flag that
 * allows further hosts.
 */
export function hostCheckOf(
  { hostname, port }: HttpAddress,
  { name, option, allow = [] }: { name: string; option: string; allow?: readonly string[] },
): HostCheck {
  const given = hostAndPort({ hostname: name, port });
  return allowedHosts({ hostname, port, allow: [given, ...allow], option });
}

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

/** Where an HTTP server listens. */
export interface HttpAddress {
  /** Name or IP address, IPv6 without brackets. */
  readonly hostname: string;
  /** Port; 0 lets the system choose. */
  readonly port: number;
}

/** Formats an address as `host:port`. */
export function hostAndPort({ hostname, port }: HttpAddress): string {
  return `${hostname.includes(":") ? `[${hostname}]` : hostname}:${port}`;
}

/** Parses host and port of an option. Throws {@link UsageError}. */
export function httpAddress(text: string, flag: string): HttpAddress {
  const address = parseHttpAddress(text);
  if (address !== undefined) return address;
  throw new UsageError(`Cannot use address ${text} (${flag}): use the form 127.0.0.1:1323`);
}

function parseHttpAddress(text: string): HttpAddress | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:\s]*)):(\d{1,5})$/i.exec(text);
  const port = Number(match?.[3]);
  if (match === null || port > 65_535) return undefined;
  return { hostname: match[1] ?? (match[2] || "0.0.0.0"), port };
}
