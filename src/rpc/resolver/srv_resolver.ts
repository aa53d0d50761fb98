/**
 * A resolver of services by their SRV records (RFC 2782).
 *
 * @module
 */

import type { SrvRecord } from "../../runtime/types.ts";
import { resolveServices } from "../../transport/resolve.ts";
import type { NameResolver, ResolverContext, ResolverTarget, ResolverUpdate } from "./types.ts";

/** Options of {@link srvResolver}. */
export interface SrvResolverOptions {
  /** Time after which the records are looked up again, in ms; 1 or more. Default Infinity: when connections fail. */
  readonly intervalMs?: number;
}

/**
 * Makes a resolver of targets such as `srv:///_grpc._tcp.orders.example`, or `srv://10.0.0.53/…` to ask that name server.
 * The addresses are the names and ports of the SRV records, which TLS verifies: records of the lowest priority number get
 * the calls by their weights, the next ones while none of these can be reached. Throws RangeError for an interval below 1.
 */
export function srvResolver(options: SrvResolverOptions = {}): NameResolver {
  const { intervalMs = Infinity } = options;
  if (!(intervalMs >= 1)) {
    throw new RangeError(`Cannot use intervalMs ${intervalMs}: must be at least 1`);
  }
  return {
    watch(target, context) {
      if (!/^_[^.]+\._[^.]+\..+$/.test(target.path)) {
        throw new TypeError(
          `Cannot resolve ${target.text}: a service has the form _service._protocol.name, ` +
            "such as srv:///_grpc._tcp.orders.example",
        );
      }
      return watchRecords(target, intervalMs, context);
    },
  };
}

async function* watchRecords(
  { path, authority }: ResolverTarget,
  intervalMs: number,
  context: ResolverContext,
): AsyncGenerator<ResolverUpdate> {
  const nameServer = authority === "" ? undefined : authority;
  while (!context.signal.aborted) {
    yield updateOf(path, await resolveServices(path, nameServer, context.signal));
    await next(intervalMs, context);
  }
}

/** Resolves when connections fail, or after the interval. */
async function next(intervalMs: number, { clock, reresolution }: ResolverContext): Promise<void> {
  let timer: unknown;
  const elapsed = new Promise<void>((resolve) => {
    if (intervalMs !== Infinity) timer = clock.setTimer(resolve, intervalMs);
  });
  try {
    await Promise.race([reresolution(), elapsed]);
  } finally {
    clock.clearTimer(timer);
  }
}

/** Returns the addresses of records in groups by priority, and the policies for them. Throws an Error for no service. */
export function updateOf(name: string, records: readonly SrvRecord[]): ResolverUpdate {
  // RFC 2782: the target "." says that there is no such service.
  const services = records.filter(({ target }) => target !== "." && target !== "");
  if (services.length === 0) throw new Error(`${name} has no service`);
  const priorities = [...new Set(services.map((one) => one.priority))].sort((a, b) => a - b);
  const addresses = services.map((one) => ({
    address: addressOf(one),
    attributes: { path: [String(one.priority), addressOf(one)] },
  }));
  const children = Object.fromEntries(priorities.map((priority) => {
    const targets = Object.fromEntries(
      services.filter((one) => one.priority === priority).map((one) => [
        addressOf(one),
        // Weight 0 is for a very small share, or for no preference.
        { weight: Math.max(1, one.weight), childPolicy: [{ pick_first: {} }] },
      ]),
    );
    return [String(priority), { config: [{ weighted_target: { targets } }] }];
  }));
  const priority = { priorities: priorities.map(String), children };
  return { addresses, serviceConfig: { loadBalancingConfig: [{ priority }] } };
}

function addressOf({ target, port }: SrvRecord): string {
  return `${target.replace(/\.$/, "")}:${port}`;
}
