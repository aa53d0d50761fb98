/**
 * The standard health service, `grpc.health.v1`, queried by load balancers and `grpc_health_probe`.
 *
 * @module
 */

import {
  Health,
  HealthCheckResponse_ServingStatus as ServingStatus,
} from "../../proto/gen/grpc/health/v1/health_pb.ts";
import { Status } from "../call/status.ts";
import { RpcError } from "../errors.ts";
import type { Router } from "../rpc/dispatch/router.ts";
import type { HandlerContext } from "../rpc/core/types.ts";

/** Whether a service accepts calls. */
export type HealthStatus = "SERVING" | "NOT_SERVING" | "UNKNOWN";

/** Sets the statuses that the health service reports; returned by {@link addHealth}. */
export interface HealthService {
  /**
   * Sets the status of a service by its full name, or with `""` that of the whole server. Registered
   * services without a status are SERVING. Once a drain has begun, all statuses stay NOT_SERVING.
   */
  set(service: string, status: HealthStatus): void;
  /** Removes the status that was set for a service. */
  clear(service: string): void;
  /** Returns the status as callers see it; undefined for an unknown service. */
  get(service: string): HealthStatus | undefined;
  /** Sets everything to NOT_SERVING permanently and ends all watches. Draining the server calls it. */
  shutdown(): void;
}

/**
 * Adds `grpc.health.v1.Health` (Check, List, Watch) to a router. When a drain begins, every status turns
 * NOT_SERVING before GOAWAY is sent.
 */
export function addHealth(router: Router): HealthService {
  const health = new RunningHealth(router);
  router.service(Health, {
    check: ({ service }) => ({ status: wireStatus(health.known(service)) }),
    list: () => ({ statuses: health.all() }),
    watch: ({ service }, context) => health.watch(service, context),
  });
  router.isServing = () => health.get("") === "SERVING";
  router.onDrain(() => health.shutdown());
  return health;
}

class RunningHealth implements HealthService {
  #router: Router;
  #set = new Map<string, HealthStatus>();
  #down = false;
  #watchers = new Set<() => void>();

  constructor(router: Router) {
    this.#router = router;
  }

  set(service: string, status: HealthStatus): void {
    this.#set.set(service, status);
    this.#changed();
  }

  clear(service: string): void {
    this.#set.delete(service);
    this.#changed();
  }

  get(service: string): HealthStatus | undefined {
    const known = this.#set.get(service) ??
      (service === "" || this.#router.registry.hasService(service) ? "SERVING" : undefined);
    return known !== undefined && this.#down ? "NOT_SERVING" : known;
  }

  shutdown(): void {
    this.#down = true;
    this.#changed();
  }

  /** Returns the status of a service. Throws NOT_FOUND. */
  known(service: string): HealthStatus {
    const status = this.get(service);
    if (status === undefined) {
      throw new RpcError(Status.NOT_FOUND, `Unknown service ${service.slice(0, 200)}`);
    }
    return status;
  }

  all(): Record<string, { status: ServingStatus }> {
    const names = new Set([
      "",
      ...this.#router.services.map((s) => s.typeName),
      ...this.#set.keys(),
    ]);
    return Object.fromEntries([...names].map((n) => [n, { status: wireStatus(this.get(n)) }]));
  }

  /** Yields the status now and on every change; SERVICE_UNKNOWN while there is no such service. */
  async *watch(
    service: string,
    context: HandlerContext,
  ): AsyncGenerator<{ status: ServingStatus }> {
    let last: ServingStatus | undefined;
    for (;;) {
      const status = wireStatus(this.get(service));
      if (status !== last) yield { status: last = status };
      // An open watch would keep the drain from finishing.
      if (this.#down) throw new RpcError(Status.UNAVAILABLE, "The server is shutting down");
      if (status === wireStatus(this.get(service))) await this.#change(context.signal);
      if (context.signal.aborted) return;
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = () => {
        signal.removeEventListener("abort", wake);
        this.#watchers.delete(wake);
        resolve();
      };
      signal.addEventListener("abort", wake);
      this.#watchers.add(wake);
    });
  }

  #changed(): void {
    for (const wake of [...this.#watchers]) wake();
  }
}

function wireStatus(status: HealthStatus | undefined): ServingStatus {
  return status === undefined ? ServingStatus.SERVICE_UNKNOWN : ServingStatus[status];
}
