/**
 * xDS: channels whose routes, clusters and endpoints come from a control plane, as those of gRPC's proxyless service mesh.
 *
 * ```ts
 * import { connect } from "@vrpc/vrpc";
 * import { registerXds } from "@vrpc/vrpc/xds";
 *
 * registerXds({
 *   bootstrap: {
 *     xds_servers: [{ server_uri: "dns:///control-plane:18000", channel_creds: [{ type: "insecure" }] }],
 *     node: { id: "orders-client-1", locality: { zone: "eu-1a" } },
 *   },
 * });
 * await using channel = connect("xds:///orders");
 * ```
 *
 * @module
 */

export { addClientStatus } from "./csds.ts";
export { registerXds, type XdsOptions } from "./register.ts";
