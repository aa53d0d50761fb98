/** An ADS server on a socket of this machine, whose resources a test sets. */

import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import {
  AggregatedDiscoveryService,
  type DiscoveryRequest,
  DiscoveryResponseSchema,
} from "../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { serve, type ServeOptions, type Server } from "../../mod.ts";
import { KIND_INFO, RESOURCE_KINDS, type ResourceKind } from "../../src/xds/resources/kinds.ts";

/** Resources by kind and name. */
export type Resources = Partial<Record<ResourceKind, Record<string, Any>>>;

export class AdsServer implements AsyncDisposable {
  readonly requests: DiscoveryRequest[] = [];
  #server!: Server;
  #resources: Resources = {};
  #version = 0;
  readonly #streams = new Set<() => void>();

  static async start(address = "127.0.0.1:0", options: ServeOptions = {}): Promise<AdsServer> {
    const ads = new AdsServer();
    ads.#server = await serve(address, (router) => {
      router.service(AggregatedDiscoveryService, {
        streamAggregatedResources: (requests) => ads.#stream(requests),
      });
    }, options);
    return ads;
  }

  get address(): string {
    return this.#server.addresses[0];
  }

  /** Replaces the resources of the given kinds, and sends them to all streams that want them. */
  set(resources: Resources): void {
    this.#resources = { ...this.#resources, ...resources };
    this.#version++;
    for (const wake of this.#streams) wake();
  }

  /** NACKs so far. */
  get refusals(): string[] {
    return this.requests.filter((one) => one.errorDetail !== undefined)
      .map((one) => one.errorDetail!.message);
  }

  async *#stream(requests: AsyncIterable<DiscoveryRequest>) {
    const names = new Map<ResourceKind, string>();
    const sent = new Map<ResourceKind, string>();
    let wake = () => {};
    let ended = false;
    const poke = () => wake();
    this.#streams.add(poke);
    const reading = (async () => {
      for await (const request of requests) {
        this.requests.push(request);
        const kind = RESOURCE_KINDS.find((one) => KIND_INFO[one].typeUrl === request.typeUrl)!;
        names.set(kind, JSON.stringify(request.resourceNames));
        wake();
      }
    })().catch(() => {}).finally(() => {
      ended = true;
      wake();
    });
    try {
      let nonce = 0;
      while (!ended) {
        const woken = new Promise<void>((resolve) => wake = resolve);
        for (const [kind, list] of names) {
          const state = `${this.#version} ${list}`;
          if (sent.get(kind) === state) continue;
          sent.set(kind, state);
          const found = (JSON.parse(list) as string[])
            .map((name) => this.#resources[kind]?.[name]).filter((one) => one !== undefined);
          if (found.length === 0 && !KIND_INFO[kind].complete) continue;
          yield create(DiscoveryResponseSchema, {
            versionInfo: String(this.#version),
            nonce: `${kind}-${++nonce}`,
            typeUrl: KIND_INFO[kind].typeUrl,
            resources: found,
          });
        }
        await woken;
      }
    } finally {
      this.#streams.delete(poke);
      await reading;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
  }
}
