/**
 * Flows of scenarios, in the program and in its threads.
 *
 * @module
 */

import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { createFileRegistry, fromBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { type Channel, RpcError, Status } from "../../mod.ts";
import { FlowMethods } from "../../src/load/generate/flow_methods.ts";
import { flowOfSteps } from "../../src/load/generate/flow_steps.ts";
import { flowTarget } from "../../src/load/generate/flow_target.ts";
import type { Types } from "../../src/load/generate/method_source.ts";
import { reflect } from "../../src/load/generate/reflection.ts";
import type { Flow, FlowStep, Scenario } from "../../src/load/generate/scenario.ts";
import type { Target } from "../../src/load/generate/target.ts";
import type { WorkerPlan } from "../../src/load/mod.ts";
import { errorLine, readTextOption, UsageError } from "../shared/program.ts";
import { CONNECT_TIMEOUT_MS } from "./connect.ts";
import type { FlowOrder } from "./flow_order.ts";
import { metadataForReflection } from "./headers.ts";

/** Reads a scenario file: JSON, or the default export of a module, which may be a function that returns it. */
export async function readScenario(path: string): Promise<unknown> {
  if (path.endsWith(".json")) return JSON.parse(await readTextOption("--scenario", path));
  const { default: exported } = await import(pathToFileURL(resolve(path)).href);
  if (exported === undefined) throw new TypeError("it has no default export");
  return typeof exported === "function" ? await exported() : exported;
}

/** Returns the flow of a scenario. Throws TypeError for one that is none. */
export function flowOf(flow: NonNullable<Scenario["flow"]>): Flow {
  if (typeof flow === "function") return flow;
  if (!Array.isArray(flow)) {
    throw new TypeError("its flow is neither a function nor a list of steps");
  }
  return flowOfSteps(flow as readonly FlowStep[]);
}

/** Creates the target of a thread, with the methods that are known found. */
export async function openFlow(
  order: FlowOrder,
  channels: readonly Channel[],
  users: number,
  plan: Pick<WorkerPlan, "seed" | "worker" | "workers">,
): Promise<Target> {
  const methods = methodsOf(order, channels[0]);
  for (const name of order.methods) await methods.find(name);
  const { flow } = await readScenario(order.file) as Scenario;
  const { metadata, timeoutMs } = order;
  const { seed, worker, workers } = plan;
  return flowTarget({
    ...{ channels, users, flow: flowOf(flow!), methods, metadata, timeoutMs },
    ...{ seed, worker, workers },
  });
}

/**
 * Goes through the flow once, without thinking, so that mistakes show once. Returns the methods that it called.
 * Throws {@link UsageError}.
 */
export async function probeFlow(
  order: FlowOrder,
  channel: Channel,
  flow: Flow,
  seed: number,
): Promise<Pick<FlowOrder, "methods" | "called">> {
  const methods = methodsOf(order, channel);
  const called: string[] = [];
  const timeoutMs = order.timeoutMs ?? CONNECT_TIMEOUT_MS;
  const target = flowTarget({
    ...{ channels: [channel], users: 1, flow, methods, metadata: order.metadata, timeoutMs },
    ...{ seed, worker: 0, workers: 1, pace: 0 },
  });
  target.flow.report({
    begin: () => ({ sentMs: 0, lateMs: 0 }),
    end: (_call, method) => void called.push(method),
    check() {},
  });
  try {
    await target.call(0, 0);
  } catch (error) {
    checkFailure(error, channel);
  }
  if (called.length === 0) throw new UsageError("The flow makes no call");
  return { methods: methods.names, called: [...new Set(called)] };
}

/** A call that fails is for the run to count, but for what will fail each time. */
function checkFailure(error: unknown, channel: Channel): void {
  if (!(error instanceof RpcError)) throw new UsageError(`The flow failed: ${errorLine(error)}`);
  const { code, message } = error;
  if (code === Status.UNIMPLEMENTED) {
    throw new UsageError(`The server has no such method: ${message}`);
  }
  if (code === Status.UNAVAILABLE && channel.state !== "READY") throw new UsageError(message);
}

function methodsOf({ types, metadata }: FlowOrder, channel: Channel): FlowMethods {
  const known: Types | undefined = types && {
    registry: createFileRegistry(fromBinary(FileDescriptorSetSchema, types)),
    faults: new Map(),
  };
  return new FlowMethods((service) =>
    known !== undefined
      ? Promise.resolve(known)
      : reflect(channel, service, CONNECT_TIMEOUT_MS, metadataForReflection(metadata))
  );
}
