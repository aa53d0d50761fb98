/**
 * Runs the clients of both sides at the same time, against the same control plane and the same servers.
 *
 * @module
 */

import { join } from "node:path";
import { RpcError, serve, type Server, Status } from "../../../mod.ts";
import type { Plane } from "./plane.ts";

/** A call as its client has printed it. */
export interface Sample {
  readonly atMs: number;
  /** Index among the plan's calls. */
  readonly call: number;
  /** The server's reply, or the number of the status after a minus. */
  readonly result: string;
  readonly tookMs: number;
}

/** What a client does. */
export interface Plan {
  readonly target?: string;
  readonly rate: number;
  readonly seconds: number;
  readonly calls?: readonly {
    readonly path: string;
    readonly metadata?: Record<string, string>;
    readonly timeoutMs?: number;
  }[];
  /** Number of different values that "%d" in metadata has. */
  readonly values?: number;
  /** What happens in the meantime, at times in ms. */
  readonly changes?: readonly (readonly [number, () => unknown])[];
  /** Bootstrap in place of the control plane's. */
  readonly bootstrap?: string;
}

/** How a server behaves; changed in the middle of a run. */
export interface Behaviour {
  delayMs: number;
  code: Status;
}

/** Servers on this machine that reply with their number. */
export class Backends implements AsyncDisposable {
  readonly servers: Server[] = [];
  readonly behaviours: Behaviour[] = [];

  /** Starts some servers. */
  static async start(count: number): Promise<Backends> {
    const backends = new Backends();
    for (let i = 0; i < count; i++) await backends.#add(i);
    return backends;
  }

  async #add(i: number): Promise<void> {
    const behaviour: Behaviour = { delayMs: 0, code: Status.OK };
    this.behaviours.push(behaviour);
    this.servers.push(await this.#serve(i, behaviour));
  }

  /** Starts another server in place of one; returns a function that ends the former once its calls are over. */
  async replace(i: number): Promise<() => Promise<void>> {
    const former = this.servers[i];
    this.servers[i] = await this.#serve(i, this.behaviours[i]);
    return () => former.shutdown({ graceMs: 5_000 });
  }

  #serve(i: number, behaviour: Behaviour): Promise<Server> {
    const reply = async () => {
      if (behaviour.delayMs > 0) {
        await new Promise((resolve) => setTimeout(resolve, behaviour.delayMs));
      }
      if (behaviour.code !== Status.OK) throw new RpcError(behaviour.code, "as told");
      return new TextEncoder().encode(String(i));
    };
    return serve("127.0.0.1:0", (router) => {
      for (const name of ["Get", "List", "Slow"]) {
        router.method(`/shop.Orders/${name}`, {}, reply);
      }
    });
  }

  /** Address of a server. */
  address(i: number): string {
    return this.servers[i].addresses[0];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.servers.map((server) => server.close()));
  }
}

/** What both clients have printed. */
export interface Results {
  readonly vrpc: Sample[];
  readonly go: Sample[];
  readonly errors: string;
}

/** Runs both clients. */
export async function runClients(program: string, plane: Plane, plan: Plan): Promise<Results> {
  const { changes = [], bootstrap = plane.bootstrap(), ...rest } = plan;
  const input = JSON.stringify({
    target: "xds:///orders",
    calls: [{ path: "/shop.Orders/Get" }],
    values: 1,
    ...rest,
  });
  const commands = [
    [Deno.execPath(), "run", "--quiet", "-A", join(import.meta.dirname!, "client.ts")],
    [program, "client"],
  ];
  const children = commands.map(([command, ...args]) =>
    new Deno.Command(command, {
      args,
      stdin: "piped",
      stdout: "piped",
      stderr: "piped",
      env: { GRPC_XDS_BOOTSTRAP_CONFIG: bootstrap },
    }).spawn()
  );
  // Both have started and wait for the plan.
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  for (const child of children) {
    const writer = child.stdin.getWriter();
    await writer.write(new TextEncoder().encode(input));
    await writer.close();
  }
  const timers = changes.map(([ms, change]) => setTimeout(change, ms));
  const outputs = await Promise.all(children.map((child) => child.output()));
  timers.forEach(clearTimeout);
  const errors = outputs.map(({ stderr }) => new TextDecoder().decode(stderr)).join("");
  for (const { code } of outputs) if (code !== 0) throw new Error(`A client failed: ${errors}`);
  const [vrpc, go] = outputs.map(({ stdout }) => parse(new TextDecoder().decode(stdout)));
  return { vrpc, go, errors };
}

function parse(text: string): Sample[] {
  return text.trim().split("\n").map((line) => {
    const [atMs, call, result, tookMs] = line.split(" ");
    return { atMs: Number(atMs), call: Number(call), result, tookMs: Number(tookMs) };
  }).sort((a, b) => a.atMs - b.atMs);
}
