/**
 * The types of resources: their type URLs and decoders, and the name of each resource in a response.
 *
 * @module
 */

import { fromBinary } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import { ClusterSchema } from "../../../proto/gen/envoy/config/cluster/v3/cluster_pb.ts";
import { ClusterLoadAssignmentSchema } from "../../../proto/gen/envoy/config/endpoint/v3/endpoint_pb.ts";
import { ListenerSchema } from "../../../proto/gen/envoy/config/listener/v3/listener_pb.ts";
import { RouteConfigurationSchema } from "../../../proto/gen/envoy/config/route/v3/route_pb.ts";
import { ResourceSchema } from "../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { typeNameOf } from "./any.ts";
import { parseCluster } from "./cluster.ts";
import { parseEndpoints } from "./endpoints.ts";
import { parseListener, type ResourceContext } from "./listener.ts";
import { ResourceError } from "./resource_error.ts";
import { parseRouteConfig } from "./route_config.ts";
import type { Cluster, Endpoints, Listener, RouteConfig } from "./types.ts";

/** Values by kind. */
export interface ResourceValues {
  listener: Listener;
  route: RouteConfig;
  cluster: Cluster;
  endpoints: Endpoints;
}

/** Kind of a resource. */
export type ResourceKind = keyof ResourceValues;

/** All kinds, in the order in which they are subscribed to. */
export const RESOURCE_KINDS: readonly ResourceKind[] = [
  "listener",
  "route",
  "cluster",
  "endpoints",
];

/** What all resources of a kind have in common. */
export interface KindInfo {
  readonly typeUrl: string;
  /** Whether a response has all resources that exist: those that it lacks are deleted. */
  readonly complete: boolean;
}

const url = (typeName: string) => `type.googleapis.com/${typeName}`;

/** The kinds by name. */
export const KIND_INFO: Readonly<Record<ResourceKind, KindInfo>> = {
  listener: { typeUrl: url(ListenerSchema.typeName), complete: true },
  route: { typeUrl: url(RouteConfigurationSchema.typeName), complete: false },
  cluster: { typeUrl: url(ClusterSchema.typeName), complete: true },
  endpoints: { typeUrl: url(ClusterLoadAssignmentSchema.typeName), complete: false },
};

/** Returns the kind with a type URL; undefined for an unknown one. */
export function kindOfUrl(typeUrl: string): ResourceKind | undefined {
  return RESOURCE_KINDS.find((kind) => KIND_INFO[kind].typeUrl === typeUrl);
}

/** A resource of a response. */
export interface DecodedResource<K extends ResourceKind = ResourceKind> {
  /** Empty if the resource could not be decoded so far. */
  readonly name: string;
  readonly value: ResourceValues[K] | undefined;
  /** Why it is refused; undefined for a valid one. */
  readonly error: ResourceError | undefined;
  /** The resource as received, perhaps in a wrapper. */
  readonly given: Any;
  /** The message of the resource. */
  readonly raw: Any;
}

/** Decodes and validates a resource, out of its wrapper if it has one. Never throws. */
export function decodeResource<K extends ResourceKind>(
  kind: K,
  given: Any,
  context: ResourceContext,
): DecodedResource<K> {
  let name = "";
  let raw = given;
  try {
    if (typeNameOf(raw) === ResourceSchema.typeName) {
      const wrapper = fromBinary(ResourceSchema, raw.value);
      name = wrapper.name;
      if (wrapper.resource === undefined) throw new ResourceError("the wrapper has no resource");
      raw = wrapper.resource;
    }
    if (raw.typeUrl !== KIND_INFO[kind].typeUrl) {
      throw new ResourceError(`unexpected type ${raw.typeUrl}`);
    }
    const [own, value] = DECODERS[kind](raw.value, context, (known) => name = known);
    name = own;
    return { name, value, error: undefined, given, raw };
  } catch (cause) {
    const text = cause instanceof Error ? cause.message : String(cause);
    const error = cause instanceof ResourceError ? cause : new ResourceError(text, { cause });
    return { name, value: undefined, error, given, raw };
  }
}

type Decoder<K extends ResourceKind> = (
  bytes: Uint8Array,
  context: ResourceContext,
  onName: (name: string) => void,
) => [string, ResourceValues[K]];

function named(name: string, onName: (name: string) => void): string {
  if (name === "") throw new ResourceError("the name is empty");
  onName(name);
  return name;
}

const DECODERS: { readonly [K in ResourceKind]: Decoder<K> } = {
  listener(bytes, context, onName) {
    const message = fromBinary(ListenerSchema, bytes);
    return [named(message.name, onName), parseListener(message, context)];
  },
  route(bytes, { trusted }, onName) {
    const message = fromBinary(RouteConfigurationSchema, bytes);
    return [named(message.name, onName), parseRouteConfig(message, trusted)];
  },
  cluster(bytes, context, onName) {
    const message = fromBinary(ClusterSchema, bytes);
    return [named(message.name, onName), parseCluster(message, context)];
  },
  endpoints(bytes, _context, onName) {
    const message = fromBinary(ClusterLoadAssignmentSchema, bytes);
    return [named(message.clusterName, onName), parseEndpoints(message)];
  },
};
