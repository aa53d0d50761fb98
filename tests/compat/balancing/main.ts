/**
 * Load balancing beside grpc-go: both clients call the same servers with the same service config. Needs Go.
 *
 *     deno task test:balancing
 *
 * @module
 */

import { join } from "node:path";
import { cacheFolder } from "../../../scripts/cache_folder.ts";
import { RpcError, serve, type Server, Status } from "../../../mod.ts";
import { addLoadReports } from "../../../src/services/load_reports.ts";

const HERE = import.meta.dirname!;
const rr = [{ round_robin: {} }];

interface Sample {
  readonly atMs: number;
  readonly server: string;
  readonly tookMs: number;
}

/** How a server behaves; changed in the middle of a run. */
interface Behaviour {
  delayMs: number;
  fails: boolean;
  utilization: number;
  /** Whether it works on one call at a time, so that others queue. */
  serial: boolean;
}

/** Servers on this machine that reply with their number. */
class Backends implements AsyncDisposable {
  readonly servers: Server[] = [];
  readonly behaviours: Behaviour[] = [];

  async start(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const behaviour = { delayMs: 2, fails: false, utilization: 0.2, serial: false };
      let former: Promise<void> = Promise.resolve();
      this.behaviours.push(behaviour);
      this.servers.push(
        await serve("127.0.0.1:0", (router) => {
          addLoadReports(router, () => ({
            applicationUtilization: behaviour.utilization,
            requestsPerSecond: 100,
          }));
          router.method("/work", {}, async () => {
            const work = () =>
              new Promise<void>((resolve) => setTimeout(resolve, behaviour.delayMs));
            await (behaviour.serial ? former = former.then(work) : work());
            if (behaviour.fails) throw new RpcError(Status.UNAVAILABLE, "broken");
            return new TextEncoder().encode(String(i));
          });
        }),
      );
    }
  }

  get addresses(): string[] {
    return this.servers.map((server) => server.addresses[0]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
  }
}

async function buildGo(): Promise<string> {
  const program = join(cacheFolder("balancing"), "client");
  for (const args of [["mod", "tidy"], ["build", "-o", program, "."]]) {
    const { code, stderr } = await new Deno.Command("go", {
      args,
      cwd: join(HERE, "go"),
    }).output();
    if (code !== 0) throw new Error(`go ${args[0]}: ${new TextDecoder().decode(stderr)}`);
  }
  return program;
}

interface Plan {
  readonly addresses: readonly string[];
  readonly loadBalancingConfig: unknown;
  readonly rate: number;
  readonly seconds: number;
  readonly sessions?: number;
  /** Changes of the servers, at times in ms. */
  readonly changes?: readonly (readonly [number, () => unknown])[];
}

async function run(command: string[], plan: Plan): Promise<Sample[]> {
  const child = new Deno.Command(command[0], {
    args: command.slice(1),
    stdin: "piped",
    stdout: "piped",
    stderr: "inherit",
    env: { GRPC_EXPERIMENTAL_RING_HASH_SET_REQUEST_HASH_KEY: "true" },
  }).spawn();
  const { addresses, loadBalancingConfig, rate, seconds, sessions = 0 } = plan;
  const writer = child.stdin.getWriter();
  const input = { addresses, serviceConfig: { loadBalancingConfig }, rate, seconds, sessions };
  await writer.write(new TextEncoder().encode(JSON.stringify(input)));
  await writer.close();
  const timers = (plan.changes ?? []).map(([ms, change]) => setTimeout(change, ms));
  const { code, stdout } = await child.output();
  timers.forEach(clearTimeout);
  if (code !== 0) throw new Error(`${command[0]} ended with ${code}`);
  return new TextDecoder().decode(stdout).trim().split("\n").map((line) => {
    const [atMs, server, tookMs] = line.split(" ");
    return { atMs: Number(atMs), server, tookMs: Number(tookMs) };
  }).sort((a, b) => a.atMs - b.atMs);
}

function at(samples: readonly Sample[], share: number): number {
  const times = samples.map((one) => one.tookMs).sort((a, b) => a - b);
  return times[Math.floor(times.length * share)];
}

const percent = (part: number, all: number) => `${(100 * part / all).toFixed(1)} %`;
const between = (samples: Sample[], fromMs: number, toMs: number) =>
  samples.filter((one) => one.atMs >= fromMs && one.atMs < toMs);

type Scenario = (command: string[]) => Promise<string>;

const outlier: Scenario = async (command) => {
  await using backends = new Backends();
  await backends.start(5);
  const loadBalancingConfig = [{
    outlier_detection_experimental: {
      interval: "1s",
      baseEjectionTime: "4s",
      maxEjectionTime: "4s",
      maxEjectionPercent: 40,
      failurePercentageEjection: {
        threshold: 50,
        enforcementPercentage: 100,
        requestVolume: 10,
      },
      childPolicy: rr,
    },
  }];
  const bad = backends.behaviours[2];
  const samples = await run(command, {
    addresses: backends.addresses,
    loadBalancingConfig,
    rate: 200,
    seconds: 14,
    changes: [[3_000, () => bad.fails = true], [6_000, () => bad.fails = false]],
  });
  const failed = samples.filter((one) => one.server === "-");
  const last = failed.at(-1)?.atMs ?? NaN;
  const back = samples.find((one) => one.atMs > last && one.server === "2")?.atMs ?? NaN;
  return `${failed.length} calls failed in ${
    ((last - (failed[0]?.atMs ?? NaN)) / 1_000).toFixed(1)
  } s; ` +
    `ejected for ${((back - last) / 1_000).toFixed(1)} s`;
};

const ring: Scenario = async (command) => {
  await using backends = new Backends();
  await backends.start(8);
  const samples = await run(command, {
    addresses: backends.addresses,
    loadBalancingConfig: [{ ring_hash_experimental: { requestHashHeader: "session" } }],
    rate: 400,
    seconds: 12,
    sessions: 800,
    changes: [[6_500, () => backends.servers[3].shutdown()]],
  });
  // Each session is called every 2 s.
  const owner = (list: Sample[]) => list.map((one) => one.server);
  const first = owner(between(samples, 2_000, 4_000));
  const second = owner(between(samples, 4_000, 6_000));
  const later = owner(between(samples, 10_000, 12_000));
  const unstable = first.filter((server, i) => server !== second[i]).length;
  const moved = second.filter((server, i) => server !== later[i]).length;
  const strangers = second.filter((server, i) => server !== "3" && server !== later[i]).length;
  return `moved before: ${unstable}; after: ${percent(moved, second.length)}, ` +
    `${strangers} of other backends; failed: ${samples.filter((one) => one.server === "-").length}`;
};

const weighted: Scenario = async (command) => {
  await using backends = new Backends();
  await backends.start(3);
  for (const [i, behaviour] of backends.behaviours.entries()) {
    behaviour.utilization = [0.9, 0.3, 0.3][i];
  }
  const samples = await run(command, {
    addresses: backends.addresses,
    loadBalancingConfig: [{
      weighted_round_robin: { blackoutPeriod: "1s", weightUpdatePeriod: "0.5s" },
    }],
    rate: 300,
    seconds: 6,
  });
  const late = between(samples, 3_000, 6_000);
  const share = (i: number) =>
    percent(late.filter((one) => one.server === `${i}`).length, late.length);
  return `shares ${[0, 1, 2].map(share).join(", ")} (by the reports 14.3, 42.9, 42.9 %)`;
};

const eyeballs: Scenario = async (command) => {
  await using backends = new Backends();
  await backends.start(1);
  // Accepts and says nothing: a path that loses all packets.
  const silent = Deno.listen({ hostname: "::1", port: 0 });
  const port = (silent.addr as Deno.NetAddr).port;
  const accepted: Deno.Conn[] = [];
  const accepting = (async () => {
    for await (const conn of silent) accepted.push(conn);
  })();
  const samples = await run(command, {
    addresses: [`[::1]:${port}`, backends.addresses[0]],
    loadBalancingConfig: [{ pick_first: {} }],
    rate: 20,
    seconds: 1,
  });
  silent.close();
  await accepting.catch(() => {});
  accepted.forEach((conn) => conn.close());
  return `first call after ${samples[0].tookMs.toFixed(0)} ms, the last after ` +
    `${samples.at(-1)!.tookMs.toFixed(0)} ms`;
};

const slow = (childPolicy: unknown, serial = false): Scenario => async (command) => {
  await using backends = new Backends();
  await backends.start(8);
  for (const one of backends.behaviours) one.serial = serial;
  backends.behaviours[5].delayMs = 20;
  const samples = between(
    await run(command, {
      addresses: backends.addresses,
      loadBalancingConfig: childPolicy,
      rate: 500,
      seconds: 8,
    }),
    2_000,
    8_000,
  );
  const share = samples.filter((one) => one.server === "5").length;
  return `p50 ${at(samples, 0.5).toFixed(1)} ms, p99 ${at(samples, 0.99).toFixed(1)} ms; ` +
    `slow one: ${percent(share, samples.length)}`;
};

const leastRequest = [{
  outlier_detection_experimental: {
    interval: "1s",
    successRateEjection: {},
    childPolicy: [{ least_request_experimental: { choiceCount: 2 } }],
  },
}];

const SCENARIOS: Record<string, Scenario> = {
  "outlier ejected and returned": outlier,
  "ring_hash while a backend leaves": ring,
  "weighted_round_robin by ORCA": weighted,
  "Happy Eyeballs, IPv6 silent": eyeballs,
  "one of 8 ten times slower: round_robin": slow(rr),
  "one of 8 ten times slower: outlier_detection + least_request": slow(leastRequest),
  // The slow one serves 50 calls/s at most; an eighth of the load is more.
  "one of 8 ten times slower and saturated: round_robin": slow(rr, true),
  "one of 8 ten times slower and saturated: outlier_detection + least_request": slow(
    leastRequest,
    true,
  ),
};

const go = await buildGo();
const clients = {
  vrpc: [Deno.execPath(), "run", "--quiet", "-A", "--no-check", join(HERE, "client.ts")],
  "grpc-go": [go],
};
console.log(`| scenario | ${Object.keys(clients).join(" | ")} |`);
console.log("| --- | --- | --- |");
for (const [name, scenario] of Object.entries(SCENARIOS)) {
  if (Deno.args.length > 0 && !Deno.args.some((part) => name.includes(part))) continue;
  const results: string[] = [];
  for (const command of Object.values(clients)) {
    results.push(await scenario(command).catch((error) => `failed: ${error.message}`));
  }
  console.log(`| ${name} | ${results.join(" | ")} |`);
}
