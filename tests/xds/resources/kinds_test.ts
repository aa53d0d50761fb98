import assert from "node:assert/strict";
import type { Any } from "@bufbuild/protobuf/wkt";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { create } from "@bufbuild/protobuf";
import { RBACSchema } from "../../../proto/gen/envoy/extensions/filters/http/rbac/v3/rbac_pb.ts";
import { RouterSchema } from "../../../proto/gen/envoy/extensions/filters/http/router/v3/router_pb.ts";
import { HTTPFaultSchema } from "../../../proto/gen/envoy/extensions/filters/http/fault/v3/fault_pb.ts";
import { UpstreamTlsContextSchema } from "../../../proto/gen/envoy/extensions/transport_sockets/tls/v3/tls_pb.ts";
import { ResourceSchema } from "../../../proto/gen/envoy/service/discovery/v3/discovery_pb.ts";
import { TypedStructSchema } from "../../../proto/gen/xds/type/v3/type_pb.ts";
import { WrrLocalitySchema } from "../../../proto/gen/envoy/extensions/load_balancing_policies/wrr_locality/v3/wrr_locality_pb.ts";
import { RingHashSchema } from "../../../proto/gen/envoy/extensions/load_balancing_policies/ring_hash/v3/ring_hash_pb.ts";
import { registerXdsBalancers } from "../../../src/xds/balancers/register.ts";
import { decodeResource, type ResourceKind } from "../../../src/xds/resources/kinds.ts";
import type { Cluster, Endpoints, Listener } from "../../../src/xds/resources/types.ts";
import {
  any,
  cluster,
  endpoints,
  filterChain,
  listener,
  locality,
  ROUTER,
  routes,
  routeTo,
  serverListener,
} from "../messages.ts";

registerXdsBalancers();

const context = { instances: new Set(["own"]), trusted: false };
const decode = (kind: ResourceKind, given: Any) => decodeResource(kind, given, context);
const valid = (kind: ResourceKind, given: Any) => {
  const { value, error } = decode(kind, given);
  assert.equal(error, undefined);
  return value;
};

const rds = { rds: { configSource: { ads: {} }, routeConfigName: "r" } };
const route = (match: Record<string, unknown>) =>
  routes("r", [{ match, route: { cluster: "c" } } as never]);
const tls = (common: Record<string, unknown>) => ({
  transportSocket: {
    name: "envoy.transport_sockets.tls",
    typedConfig: any(UpstreamTlsContextSchema, { commonTlsContext: common as never }),
  },
});

/** Resources that are refused, and why. */
const REFUSED: [ResourceKind, Any, RegExp][] = [
  ["listener", listener("l", { httpFilters: [] }), /http_filters: the last filter, and no other/],
  ["listener", listener("l", { httpFilters: [ROUTER, ROUTER] }), /two filters are named "router"/],
  [
    "listener",
    listener("l", {
      httpFilters: [
        { name: "x", typedConfig: any(TypedStructSchema, { typeUrl: "x/a.B" }) },
        ROUTER,
      ],
    }),
    /the filter a\.B is not known/,
  ],
  [
    "listener",
    listener("l", { httpFilters: [{ name: "x", typedConfig: any(RBACSchema) }, ROUTER] }),
    /is not for clients/,
  ],
  ["listener", listener("l", { xffNumTrustedHops: 1 }), /xff_num_trusted_hops: it must be 0/],
  [
    "listener",
    listener("l", { rds: { routeConfigName: "r" } }),
    /config_source: it must be ads or self/,
  ],
  ["listener", cluster("c"), /unexpected type/],
  ["route", route({}), /match: it has no known kind of path/],
  ["route", route({ safeRegex: { regex: "(" } }), /is not a valid expression/],
  ["route", route({ prefix: "", headers: [{ name: "a" }] }), /headers\[0\]: it has no known kind/],
  [
    "route",
    routes("r", [routeTo("c", { retryPolicy: { numRetries: 0, retryOn: "internal" } })]),
    /num_retries: it must be at least 1/,
  ],
  [
    "route",
    routes("r", [routeTo("c", { retryPolicy: { retryBackOff: {} } })]),
    /base_interval: it is missing/,
  ],
  [
    "route",
    routes("r", [{ match: { prefix: "" }, route: { weightedClusters: { clusters: [] } } }]),
    /no cluster has a weight/,
  ],
  [
    "route",
    routes("r", [routeTo("c")], { typedPerFilterConfig: { r: any(RouterSchema) } }),
    /the router has no configuration of routes/,
  ],
  ["cluster", cluster("c", { type: "STRICT_DNS" }), /type: STRICT_DNS is not supported/],
  ["cluster", cluster("c", { edsClusterConfig: {} }), /eds_config: it must be ads or self/],
  [
    "cluster",
    cluster("c", { lbPolicy: "RING_HASH", ringHashLbConfig: { hashFunction: "MURMUR_HASH_2" } }),
    /only XX_HASH/,
  ],
  [
    "cluster",
    cluster("c", { lbPolicy: "LEAST_REQUEST", leastRequestLbConfig: { choiceCount: 1 } }),
    /choice_count: it must be at least 2/,
  ],
  ["cluster", cluster("c", { outlierDetection: { maxEjectionPercent: 101 } }), /101 is above 100/],
  [
    "cluster",
    cluster("c", { outlierDetection: { interval: "-1s" } }),
    /outlier_detection\.interval/,
  ],
  ["cluster", cluster("c", { type: "LOGICAL_DNS" }), /one locality with one endpoint/],
  [
    "cluster",
    cluster("c", { loadBalancingPolicy: { policies: [] } }),
    /none of its policies is known/,
  ],
  ["cluster", cluster("c", tls({})), /names no provider of root certificates/],
  [
    "cluster",
    cluster(
      "c",
      tls({ validationContext: { caCertificateProviderInstance: { instanceName: "x" } } }),
    ),
    /the bootstrap has no certificate provider "x"/,
  ],
  [
    "endpoints",
    endpoints("c", [locality(["1.2.3.4:5", "1.2.3.4:5"])]),
    /1\.2\.3\.4:5 is listed twice/,
  ],
  [
    "endpoints",
    endpoints("c", [locality(["1.2.3.4:5"], { priority: 1 })]),
    /priority 0 is missing/,
  ],
  ["endpoints", endpoints("c", [locality([]), locality([])]), /is listed twice with priority 0/],
  ["endpoints", endpoints("c", [{ loadBalancingWeight: 1 }]), /locality: it is missing/],
  [
    "endpoints",
    endpoints("c", [locality(["1.2.3.4:5"], {}, { loadBalancingWeight: 0 })]),
    /must not be 0/,
  ],
  ["listener", serverListener("s", {}), /there is none that is supported/],
  ["listener", serverListener("s", { useOriginalDst: true }), /use_original_dst/],
  [
    "listener",
    serverListener("s", { filterChains: [filterChain(), filterChain()] }),
    /two chains match the same connections/,
  ],
  [
    "listener",
    serverListener("s", {
      filterChains: [
        filterChain(
          {
            filterChainMatch: { prefixRanges: [{ addressPrefix: "1.2.3.4", prefixLen: 33 }] },
          } as never,
        ),
      ],
    }),
    /a prefix of 33 bits/,
  ],
];

Deno.test("resources: what is refused, and why", () => {
  for (const [kind, given, expected] of REFUSED) {
    const { error, value } = decode(kind, given);
    assert.equal(value, undefined, String(expected));
    assert.match(error!.message, expected);
  }
});

Deno.test("resources: a name is known although the rest is not valid, and wrappers are opened", () => {
  assert.equal(decode("cluster", cluster("c", { type: "STATIC" })).name, "c");
  const wrapper = create(ResourceSchema, { name: "c", resource: cluster("c") });
  const { name, error } = decode("cluster", anyPack(ResourceSchema, wrapper));
  assert.deepEqual([name, error], ["c", undefined]);
  const broken = { ...cluster("c"), value: new Uint8Array([1, 2, 3]) };
  assert.ok(decode("cluster", broken).error);
});

Deno.test("resources: optional filters that are not known are left out, disabled overrides end a filter", () => {
  const { manager } = valid(
    "listener",
    listener("l", {
      ...rds,
      httpFilters: [
        { name: "x", isOptional: true, typedConfig: any(TypedStructSchema, { typeUrl: "x/a.B" }) },
        { name: "f", typedConfig: any(HTTPFaultSchema) },
        ROUTER,
      ],
    }),
  ) as Listener & { kind: "api" };
  assert.deepEqual(manager.filters.map(({ name }) => name), ["f", "router"]);
});

Deno.test("resources: policies of clusters", () => {
  const policy = (json: Parameters<typeof cluster>[1]) =>
    (valid("cluster", cluster("c", json)) as Cluster).policy;
  assert.deepEqual(policy({}), {
    xds_wrr_locality_experimental: { childPolicy: [{ round_robin: {} }] },
  });
  const typed = (config: ReturnType<typeof any>) => ({
    typedExtensionConfig: { typedConfig: config },
  });
  assert.deepEqual(
    policy({
      loadBalancingPolicy: {
        policies: [
          typed(any(TypedStructSchema, { typeUrl: "type.googleapis.com/not.known" })),
          typed(any(WrrLocalitySchema, {
            endpointPickingPolicy: {
              policies: [
                typed(any(RingHashSchema, { hashFunction: "XX_HASH", minimumRingSize: "7" })),
              ],
            },
          })),
        ],
      },
    }),
    {
      xds_wrr_locality_experimental: {
        childPolicy: [{ ring_hash_experimental: { minRingSize: 7, maxRingSize: 8_388_608 } }],
      },
    },
  );
  // A policy of the application, by its name.
  assert.deepEqual(
    policy({
      loadBalancingPolicy: {
        policies: [typed(any(TypedStructSchema, {
          typeUrl: "type.googleapis.com/random_subsetting",
          value: { subsetSize: 3, childPolicy: [{ round_robin: {} }] },
        }))],
      },
    }),
    { random_subsetting: { subsetSize: 3, childPolicy: [{ round_robin: {} }] } },
  );
});

Deno.test("resources: outlier detection has success rate by default, failure percentage if enforced", () => {
  const rules = (json: Record<string, never | number>) =>
    (valid("cluster", cluster("c", { outlierDetection: json })) as Cluster).outlierDetection!;
  assert.deepEqual(rules({}), { successRateEjection: {} });
  assert.deepEqual(rules({ enforcingSuccessRate: 0, enforcingFailurePercentage: 50 }), {
    failurePercentageEjection: { enforcementPercentage: 50 },
  });
});

Deno.test("resources: endpoints", () => {
  const { localities, drops } = valid(
    "endpoints",
    endpoints("c", [
      locality(["::1:80", "10.0.0.1:81"], { loadBalancingWeight: 3 }, {
        healthStatus: "DRAINING",
        metadata: { filterMetadata: { "envoy.lb": { hash_key: "k" } } },
      }),
      locality(["10.0.0.2:82"], { loadBalancingWeight: 0, priority: 7 }),
    ], {
      policy: {
        dropOverloads: [{
          category: "a",
          dropPercentage: { numerator: 5, denominator: "TEN_THOUSAND" },
        }],
      },
    }),
  ) as Endpoints;
  assert.equal(localities.length, 1);
  const [{ name, weight, endpoints: [v6, v4] }] = localities;
  assert.equal(name, '{region="r", zone="z", sub_zone="0"}');
  assert.equal(weight, 3);
  assert.deepEqual([v6.address, v4.address, v6.healthy, v6.hashKey], [
    "[::1]:80",
    "10.0.0.1:81",
    false,
    "k",
  ]);
  assert.deepEqual(drops, [{ category: "a", share: 500 }]);
});
