/**
 * State of one ADS stream, in the protocol's state-of-the-world variant: subscriptions in, requests out; responses in,
 * resources out. Pure: no I/O, no clock.
 *
 * @module
 */

import { create } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Node } from "../../../proto/gen/envoy/config/core/v3/core_pb.ts";
import {
  type DiscoveryRequest,
  DiscoveryRequestSchema,
  type DiscoveryResponse,
} from "../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { Status } from "../../call/status.ts";
import {
  type DecodedResource,
  decodeResource,
  KIND_INFO,
  kindOfUrl,
  RESOURCE_KINDS,
  type ResourceKind,
} from "../resources/kinds.ts";
import type { ResourceContext } from "../resources/listener.ts";

/** The resources of a response. */
export interface ReceivedResources {
  readonly kind: ResourceKind;
  readonly version: string;
  readonly resources: readonly DecodedResource[];
}

interface Subscription {
  readonly names: Set<string>;
  /** Version of the last accepted response; kept from one stream to the next. */
  version: string;
  nonce: string;
  /** Text of the NACK of the last response; undefined if it was accepted. */
  error: string | undefined;
  /** Whether a request has to be sent. */
  due: boolean;
  /** Whether a request was sent on the current stream. */
  sent: boolean;
  /** Resources of the last response, by the hash of their bytes: most of the next one are the same. */
  decoded: Map<string, DecodedResource>;
}

/** Subscriptions with one server of the control plane. */
export class AdsState {
  readonly #node: Node;
  readonly #context: ResourceContext;
  readonly #kinds: Record<ResourceKind, Subscription>;
  #nodeSent = false;
  #open = false;

  /** Subscribes to nothing. */
  constructor(node: Node, context: ResourceContext) {
    this.#node = node;
    this.#context = context;
    const none = (): Subscription => ({
      names: new Set(),
      version: "",
      nonce: "",
      error: undefined,
      due: false,
      sent: false,
      decoded: new Map(),
    });
    this.#kinds = { listener: none(), route: none(), cluster: none(), endpoints: none() };
  }

  /** Adds a resource to the next request. */
  subscribe(kind: ResourceKind, name: string): void {
    const one = this.#kinds[kind];
    if (one.names.has(name)) return;
    one.names.add(name);
    one.due = true;
  }

  /** Takes a resource out of the next request. */
  unsubscribe(kind: ResourceKind, name: string): void {
    const one = this.#kinds[kind];
    if (one.names.delete(name)) one.due = true;
  }

  /** Begins a stream: all subscriptions are requested again. */
  start(): void {
    this.#open = true;
    this.#nodeSent = false;
    for (const kind of RESOURCE_KINDS) {
      const one = this.#kinds[kind];
      one.nonce = "";
      one.error = undefined;
      one.sent = false;
      one.due = one.names.size > 0;
    }
  }

  /** Ends the stream. */
  end(): void {
    this.#open = false;
  }

  /** Returns the requests that are to be sent now, in order. */
  take(): DiscoveryRequest[] {
    const requests: DiscoveryRequest[] = [];
    if (!this.#open) return requests;
    for (const kind of RESOURCE_KINDS) {
      const one = this.#kinds[kind];
      if (!one.due) continue;
      one.due = false;
      // Without names it would be a subscription to everything, unless names came before.
      if (one.names.size === 0 && !one.sent) continue;
      one.sent = true;
      requests.push(create(DiscoveryRequestSchema, {
        typeUrl: KIND_INFO[kind].typeUrl,
        versionInfo: one.version,
        responseNonce: one.nonce,
        resourceNames: [...one.names],
        node: this.#nodeSent ? undefined : this.#node,
        errorDetail: one.error === undefined
          ? undefined
          : { code: Status.INVALID_ARGUMENT, message: one.error },
      }));
      this.#nodeSent = true;
      one.error = undefined;
    }
    return requests;
  }

  /**
   * Takes a response: the next request accepts it (ACK), or refuses it with the errors of all its resources (NACK); valid
   * resources of a refused response are used (gRPC A46). Returns undefined for an unknown type, which is ignored.
   */
  receive(response: DiscoveryResponse): ReceivedResources | undefined {
    const kind = kindOfUrl(response.typeUrl);
    if (kind === undefined) return undefined;
    const one = this.#kinds[kind];
    const resources = this.#decode(kind, one, response.resources);
    const errors = resources.filter(({ error }) => error !== undefined)
      .map(({ name, error }, i) => `${name || `resource ${i} without a name`}: ${error!.message}`);
    one.nonce = response.nonce;
    if (errors.length === 0) one.version = response.versionInfo;
    else one.error = errors.join("; ");
    one.due = true;
    return { kind, version: response.versionInfo, resources };
  }

  #decode(kind: ResourceKind, one: Subscription, given: readonly Any[]): DecodedResource[] {
    const decoded = new Map<string, DecodedResource>();
    const resources = given.map((any) => {
      const key = keyOf(any.value);
      const last = one.decoded.get(key);
      const known = last !== undefined && last.given.typeUrl === any.typeUrl &&
        sameBytes(last.given.value, any.value);
      const resource = known ? last : decodeResource(kind, any, this.#context);
      // One that was refused may be valid once its policy is registered.
      if (resource.error === undefined) decoded.set(key, resource);
      return resource;
    });
    one.decoded = decoded;
    return resources;
  }
}

/** Hash of bytes (FNV-1a, 32 bits) and their number. */
function keyOf(bytes: Uint8Array): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i], 0x01000193);
  return `${bytes.length} ${hash}`;
}

/** Whether two byte arrays are equal. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
