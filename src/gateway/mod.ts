/**
 * HTTP and JSON in front of a remote service, for example an enclave.
 *
 * @module
 */

export { type ExactJson, fromExactJson, parseExactJson } from "../codec/proto_json.ts";
export { allowedHosts, type AllowedHostsOptions, type HostCheck } from "./allowed_hosts.ts";
export { Gateway, type GatewayOptions, type MethodSummary } from "./gateway.ts";
export { type ErrorBody, errorBody, httpStatus, RETRY_AFTER_SECONDS } from "./http_errors.ts";
export { STATUS_PAGE } from "./status_page.ts";
