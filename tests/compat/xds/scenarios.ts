/**
 * What is compared: resources, what happens in the meantime, and what the calls of both clients show.
 *
 * @module
 */

import type { JsonValue } from "@bufbuild/protobuf";
import { HTTPFaultSchema } from "../../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import { Status } from "../../../mod.ts";
import {
  aggregate,
  any,
  cluster,
  endpoints,
  listener,
  locality,
  ROUTER,
  routes,
  routeTo,
} from "../../xds/messages.ts";
import type { Plane, Snapshot } from "./plane.ts";
import { type Backends, type Plan, type Results, runClients, type Sample } from "./run_clients.ts";

/** What a scenario runs with. */
export interface Stage {
  readonly program: string;
  readonly plane: Plane;
  readonly backends: Backends;
}

/** What the calls of a client show. */
export interface Verdict {
  readonly ok: boolean;
  readonly text: string;
}

/** One row of the table. */
export interface Scenario {
  readonly name: string;
  readonly servers: number;
  readonly expected: string;
  /** Whether it takes more than a minute. */
  readonly isLong: boolean;
  run(stage: Stage): Promise<{ vrpc: Verdict; go: Verdict; note?: string }>;
}

const percent = (part: number, all: number) => `${(100 * part / all).toFixed(1)} %`;
const failures = (samples: readonly Sample[]) =>
  samples.filter((one) => one.result.startsWith("-") || one.result === "");
const within = (samples: readonly Sample[], fromMs: number, toMs: number) =>
  samples.filter((one) => one.atMs >= fromMs && one.atMs < toMs);
const of = (samples: readonly Sample[], result: string) =>
  samples.filter((one) => one.result === result);
/** Statuses and replies with their number. */
function tally(samples: readonly Sample[]): string {
  const counts = new Map<string, number>();
  for (const { result } of samples) counts.set(result, (counts.get(result) ?? 0) + 1);
  return [...counts].sort().map(([result, count]) => `${result}: ${count}`).join(", ");
}

const GET = { path: "/shop.Orders/Get" };
const LIST = { path: "/shop.Orders/List" };
const listening = { listener: [listener("orders", { statPrefix: "orders" })] };

/** Clusters with EDS, each with some of the servers. */
function fleet(
  backends: Backends,
  byName: Record<string, number[]>,
  json: Record<string, JsonValue> = {},
): Snapshot {
  return {
    cluster: Object.keys(byName).map((name) => cluster(name, json)),
    endpoints: Object.entries(byName).map(([name, servers]) =>
      endpoints(name, [locality(servers.map((i) => backends.address(i)))])
    ),
  };
}

/** A scenario whose verdict comes from the calls of each client alone. */
function scenario(
  name: string,
  expected: string,
  servers: number,
  resources: (backends: Backends) => Snapshot,
  plan: Plan | ((stage: Stage) => Plan),
  judge: (samples: Sample[]) => Verdict,
  note?: (stage: Stage, results: Results) => string,
): Scenario {
  return {
    name,
    expected,
    servers,
    isLong: name.includes("minute"),
    async run(stage) {
      await stage.plane.set({ ...listening, ...resources(stage.backends) });
      const given = typeof plan === "function" ? plan(stage) : plan;
      const results = await runClients(stage.program, stage.plane, given);
      return {
        vrpc: judge(results.vrpc),
        go: judge(results.go),
        note: note?.(stage, results),
      };
    },
  };
}

/** All scenarios. */
export const SCENARIOS: readonly Scenario[] = [
  scenario(
    "weighted clusters",
    "10 % ± 2 % to the second",
    2,
    (backends) => ({
      ...fleet(backends, { a: [0], b: [1] }),
      route: [routes("routes", [{
        match: { prefix: "" },
        route: {
          weightedClusters: { clusters: [{ name: "a", weight: 90 }, { name: "b", weight: 10 }] },
        },
      }])],
    }),
    { rate: 400, seconds: 12 },
    (samples) => {
      const share = of(samples, "1").length / samples.length;
      const ok = Math.abs(share - 0.1) <= 0.02 && failures(samples).length === 0;
      return {
        ok,
        text: `${percent(of(samples, "1").length, samples.length)} of ${samples.length}`,
      };
    },
  ),
  scenario(
    "route by path and header",
    "List to 0, gold to 1, others to 2",
    3,
    (backends) => ({
      ...fleet(backends, { a: [0], b: [1], c: [2] }),
      route: [routes("routes", [
        { match: { path: "/shop.Orders/List" }, route: { cluster: "a" } },
        {
          match: { prefix: "/shop.", headers: [{ name: "tier", stringMatch: { exact: "gold" } }] },
          route: { cluster: "b" },
        },
        routeTo("c"),
      ])],
    }),
    { rate: 100, seconds: 3, calls: [LIST, { ...GET, metadata: { tier: "gold" } }, GET] },
    (samples) => {
      const wrong = samples.filter(({ call, result }) => result !== String(call)).length;
      return { ok: wrong === 0, text: `${wrong} of ${samples.length} wrong` };
    },
  ),
  scenario(
    "retries and timeouts of the route",
    "under 1 % failed though a third of the servers fails; 0.3 s for a slow method",
    4,
    (backends) => ({
      ...fleet(backends, { a: [0, 1, 2], slow: [3] }),
      route: [routes("routes", [
        {
          match: { path: "/shop.Orders/Slow" },
          route: { cluster: "slow", maxStreamDuration: { maxStreamDuration: "0.3s" } },
        },
        routeTo("a", { retryPolicy: { retryOn: "unavailable", numRetries: 4 } }),
      ])],
    }),
    ({ backends }) => {
      backends.behaviours[0].code = Status.UNAVAILABLE;
      backends.behaviours[3].delayMs = 500;
      return { rate: 100, seconds: 6, calls: [GET, { path: "/shop.Orders/Slow" }] };
    },
    (samples) => {
      const get = samples.filter(({ call }) => call === 0);
      const slow = samples.filter(({ call }) => call === 1);
      const times = slow.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
      const median = times[times.length >> 1];
      const ok = failures(get).length <= get.length / 100 &&
        of(slow, "-4").length === slow.length &&
        median >= 299 && median < 400;
      return {
        ok,
        text: `${failures(get).length} of ${get.length} failed; ${
          of(slow, "-4").length
        } of ${slow.length} DEADLINE_EXCEEDED after ${median.toFixed(0)} ms`,
      };
    },
  ),
  scenario(
    "ring_hash by header",
    "each user on one server; all servers used",
    8,
    (backends) => ({
      ...fleet(backends, { a: [0, 1, 2, 3, 4, 5, 6, 7] }, { lbPolicy: "RING_HASH" }),
      route: [routes("routes", [routeTo("a", {
        hashPolicy: [{ header: { headerName: "user" } }],
      })])],
    }),
    { rate: 300, seconds: 5, calls: [{ ...GET, metadata: { user: "%d" } }], values: 300 },
    (samples) => {
      // Each user calls every second.
      const users = new Map<number, Set<string>>();
      for (const [i, { result }] of samples.entries()) {
        const user = i % 300;
        users.set(user, (users.get(user) ?? new Set()).add(result));
      }
      const moved = [...users.values()].filter((servers) => servers.size > 1).length;
      const used = new Set(samples.map(({ result }) => result)).size;
      const ok = moved === 0 && used === 8 && failures(samples).length === 0;
      return { ok, text: `${moved} of ${users.size} users moved, ${used} servers used` };
    },
    (_, { vrpc, go }) => {
      const same = vrpc.filter((one, i) => one.result === go[i]?.result).length;
      return `${percent(same, vrpc.length)} of the calls on the same server as grpc-go's`;
    },
  ),
  scenario(
    "outlier ejected and returned",
    "ejected within 2.5 s, back after 3 s",
    5,
    (backends) => ({
      ...fleet(backends, { a: [0, 1, 2, 3, 4] }, {
        outlierDetection: {
          interval: "1s",
          baseEjectionTime: "3s",
          maxEjectionTime: "3s",
          maxEjectionPercent: 40,
          enforcingSuccessRate: 0,
          enforcingFailurePercentage: 100,
          failurePercentageThreshold: 50,
          failurePercentageRequestVolume: 10,
        },
      }),
      route: [routes("routes", [routeTo("a")])],
    }),
    ({ backends }) => ({
      rate: 200,
      seconds: 12,
      changes: [
        [3_000, () => backends.behaviours[2].code = Status.UNAVAILABLE],
        [5_500, () => backends.behaviours[2].code = Status.OK],
      ],
    }),
    (samples) => {
      const bad = failures(samples);
      const last = bad.at(-1)?.atMs ?? NaN;
      const back = samples.find(({ atMs, result }) => atMs > last && result === "2")?.atMs ?? NaN;
      const failedMs = last - (bad[0]?.atMs ?? NaN);
      const outMs = back - last;
      const ok = failedMs < 2_500 && outMs > 2_500 && outMs < 5_000;
      return {
        ok,
        text: `${bad.length} failed in ${(failedMs / 1_000).toFixed(1)} s; out for ${
          (outMs / 1_000).toFixed(1)
        } s`,
      };
    },
  ),
  scenario(
    "locality fail-over",
    "other locality while the first is down, no failure",
    3,
    (backends) => ({
      cluster: [cluster("a")],
      endpoints: [endpoints("a", [
        locality([backends.address(0)]),
        locality([backends.address(1)], { priority: 1 }),
      ])],
      route: [routes("routes", [routeTo("a")])],
    }),
    ({ backends }) => ({
      rate: 100,
      seconds: 6,
      changes: [[2_000, () => backends.servers[0].shutdown()]],
    }),
    (samples) => {
      const before = within(samples, 0, 1_400);
      const after = within(samples, 3_000, 6_000);
      const ok = of(before, "0").length === before.length &&
        of(after, "1").length === after.length && failures(samples).length === 0;
      return { ok, text: `${tally(samples)}` };
    },
  ),
  scenario(
    "aggregate cluster, logical DNS behind it",
    "second cluster while the first is empty, then the first",
    2,
    (backends) => ({
      cluster: [
        aggregate("all", ["near", "far"]),
        cluster("near"),
        cluster("far", {
          type: "LOGICAL_DNS",
          loadAssignment: {
            clusterName: "far",
            endpoints: [locality([backends.address(1).replace("127.0.0.1", "localhost")])],
          },
        }),
      ],
      endpoints: [endpoints("near", [])],
      route: [routes("routes", [routeTo("all")])],
    }),
    ({ backends, plane }) => ({
      rate: 100,
      seconds: 5,
      changes: [[
        2_000,
        () => plane.set({ endpoints: [endpoints("near", [locality([backends.address(0)])])] }),
      ]],
    }),
    (samples) => {
      const before = within(samples, 0, 1_400);
      const after = within(samples, 3_000, 5_000);
      const ok = of(before, "1").length === before.length && of(after, "0").length === after.length;
      return { ok, text: tally(samples) };
    },
  ),
  scenario(
    "circuit breaker",
    "4 calls in flight, the others UNAVAILABLE at once",
    1,
    (backends) => ({
      ...fleet(backends, { a: [0] }, {
        circuitBreakers: { thresholds: [{ maxRequests: 4 }] },
      }),
      route: [routes("routes", [routeTo("a")])],
    }),
    ({ backends }) => {
      backends.behaviours[0].delayMs = 500;
      // Twice as many as may pass: 8 calls in 0.5 s.
      return { rate: 16, seconds: 8 };
    },
    (samples) => {
      const late = within(samples, 1_000, 8_000);
      const refused = of(late, "-14");
      const share = refused.length / late.length;
      const slowest = Math.max(...refused.map(({ tookMs }) => tookMs));
      const ok = share > 0.4 && share < 0.6 && slowest < 100;
      return {
        ok,
        text: `${percent(refused.length, late.length)} refused, within ${slowest.toFixed(0)} ms`,
      };
    },
  ),
  scenario(
    "fault injection",
    "20 % ± 4 % ABORTED; headers: 100 ms, NOT_FOUND",
    1,
    (backends) => ({
      ...fleet(backends, { a: [0] }),
      listener: [listener("orders", {
        statPrefix: "orders",
        httpFilters: [
          {
            name: "fault",
            typedConfig: any(HTTPFaultSchema, {
              abort: { grpcStatus: Status.ABORTED, percentage: { numerator: 20 } },
            }),
          },
          ROUTER,
        ],
      })],
      route: [routes("routes", [
        {
          match: { path: "/shop.Orders/List" },
          route: { cluster: "a" },
          typedPerFilterConfig: {
            fault: any(HTTPFaultSchema, {
              abort: { headerAbort: {}, percentage: { numerator: 100 } },
              delay: { headerDelay: {}, percentage: { numerator: 100 } },
            }),
          },
        },
        routeTo("a"),
      ])],
    }),
    {
      rate: 400,
      seconds: 8,
      calls: [
        GET,
        GET,
        { ...LIST, metadata: { "x-envoy-fault-delay-request": "100" } },
        { ...LIST, metadata: { "x-envoy-fault-abort-grpc-request": "5" } },
      ],
    },
    (samples) => {
      const get = samples.filter(({ call }) => call < 2);
      const aborted = of(get, "-10");
      const delayed = samples.filter(({ call }) => call === 2);
      const missing = samples.filter(({ call }) => call === 3);
      const fast = delayed.filter(({ tookMs }) => tookMs < 99).length;
      const share = aborted.length / get.length;
      const ok = Math.abs(share - 0.2) <= 0.04 && fast === 0 &&
        of(missing, "-5").length === missing.length;
      return {
        ok,
        text: `${percent(aborted.length, get.length)}; ${fast} under 100 ms; ${
          of(missing, "-5").length
        } of ${missing.length} NOT_FOUND`,
      };
    },
  ),
  scenario(
    "control plane gone for a minute",
    "no failed call, and an update once the client has reconnected",
    2,
    (backends) => ({
      ...fleet(backends, { a: [0] }),
      route: [routes("routes", [routeTo("a")])],
    }),
    ({ plane, backends }) => ({
      rate: 50,
      seconds: 160,
      changes: [
        [5_000, () => plane.stop()],
        [65_000, async () => {
          await plane.start();
          await plane.set({ endpoints: [endpoints("a", [locality([backends.address(1)])])] });
        }],
      ],
    }),
    (samples) => {
      const moved = samples.find(({ result }) => result === "1")?.atMs ?? NaN;
      const ok = failures(samples).length === 0 && moved > 65_000;
      return {
        ok,
        text: `${failures(samples).length} of ${samples.length} failed; updated ${
          ((moved - 65_000) / 1_000).toFixed(1)
        } s after its return`,
      };
    },
  ),
  {
    name: "bad resource",
    expected: "refused with details, the last good one stays",
    servers: 1,
    isLong: false,
    async run(stage) {
      const { plane, backends } = stage;
      const good = fleet(backends, { a: [0] });
      await plane.set({ ...listening, ...good, route: [routes("routes", [routeTo("a")])] });
      const results = await runClients(stage.program, plane, {
        rate: 50,
        seconds: 5,
        changes: [[2_000, () => plane.set({ cluster: [cluster("a", { lbPolicy: "MAGLEV" })] })]],
      });
      const ours = plane.refusals.find((one) => one.includes("lb_policy: MAGLEV"));
      const theirs = plane.refusals.find((one) => one !== ours);
      const verdict = (samples: Sample[], refusal: string | undefined) => ({
        ok: refusal !== undefined && failures(samples).length === 0,
        text: `"${refusal?.slice(0, 60)}", ${failures(samples).length} failed`,
      });
      return { vrpc: verdict(results.vrpc, ours), go: verdict(results.go, theirs) };
    },
  },
  scenario(
    "100 updates a second for a minute",
    "no failed call",
    4,
    (backends) => ({
      ...fleet(backends, { a: [0, 1], b: [2, 3] }),
      route: [routes("routes", [routeTo("a")])],
    }),
    ({ plane, backends }) => {
      let i = 0;
      let timer: ReturnType<typeof setInterval>;
      return {
        rate: 200,
        seconds: 65,
        changes: [
          [2_000, () => {
            timer = setInterval(() => {
              i++;
              const servers = [[0, 1], [1], [0, 1, 2], [0, 3]][i % 4];
              plane.set({
                endpoints: [
                  endpoints("a", [locality(servers.map((one) => backends.address(one)))]),
                  endpoints("b", [locality([backends.address(2), backends.address(3)])]),
                ],
                route: [routes("routes", [routeTo(i % 10 < 5 ? "a" : "b")])],
              });
            }, 10);
          }],
          [62_000, () => clearInterval(timer)],
        ],
      };
    },
    (samples) => ({
      ok: failures(samples).length === 0,
      text: `${failures(samples).length} of ${samples.length} failed`,
    }),
  ),
  scenario(
    "rolling restart of eight servers, 20 times",
    "no failed call",
    8,
    (backends) => ({
      ...fleet(backends, { a: [0, 1, 2, 3, 4, 5, 6, 7] }),
      route: [routes("routes", [routeTo("a")])],
    }),
    ({ plane, backends }) => ({
      rate: 200,
      seconds: 50,
      changes: [[1_000, () => restartAll(plane, backends, 20)]],
    }),
    (samples) => ({
      ok: failures(samples).length === 0,
      text: `${failures(samples).length} of ${samples.length} failed; slowest ${
        Math.max(...samples.map(({ tookMs }) => tookMs)).toFixed(0)
      } ms`,
    }),
    () => `${restarts} restarts`,
  ),
];

let restarts = 0;

/** Replaces the servers one after another: a new one is in the endpoints before the former one ends. */
async function restartAll(plane: Plane, backends: Backends, times: number): Promise<void> {
  restarts = 0;
  const all = backends.servers.map((_, i) => i);
  for (let n = 0; n < times * all.length; n++) {
    const end = await backends.replace(n % all.length);
    await plane.set(fleet(backends, { a: all }));
    await new Promise((resolve) => setTimeout(resolve, 200));
    end().catch(() => {});
    restarts++;
  }
}
