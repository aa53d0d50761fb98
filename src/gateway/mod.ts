/**
 * HTTP and JSON in front of a remote service, for example an enclave.
 *
 * @module
 */

export { allowedHosts, type AllowedHostsOptions, type HostCheck } from "./allowed_hosts.ts";
export type { DescriptorLimits } from "../schema/limits.ts";
export { Gateway, type MethodSummary } from "./gateway.ts";
export type { GatewayOptions } from "./options.ts";
export type { OpenApiDocument } from "./openapi/document.ts";
export type { HttpRuleSummary } from "./transcoding/bound_methods.ts";
export { type ErrorBody, errorBody, RETRY_AFTER_SECONDS } from "./http_errors.ts";
export { httpStatus } from "../call/http_status.ts";
export { HttpBodyError, type HttpHandler, HttpReply } from "../rpc/http/handler.ts";
export type { HttpLimits, HttpServeOptions } from "../rpc/http/options.ts";
export { type HttpServer, type HttpServerStats, serveHttp } from "../rpc/http/server.ts";
export type { Http1Limits } from "../http1/options.ts";
export { STATUS_PAGE, STATUS_PAGE_FIELDS } from "./status_page.ts";
