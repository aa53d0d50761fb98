/**
 * How the transcoders differ at the edges.
 *
 * @module
 */

import type { HttpBinding } from "../../../src/gateway/transcoding/binding.ts";
import { REST } from "../../../src/gateway/transcoding/path_template.ts";
import type { Door } from "./doors.ts";
import { UNKNOWN_TO_ENVOY } from "./tools.ts";

/**
 * Methods that grpc-gateway does not reach by some paths: it tries templates in the order of their registration, where a
 * literal or a verb does not come first.
 */
const HIDDEN_BY_OTHERS: ReadonlySet<string> = new Set([
  "/google.longrunning.Operations/ListOperations",
  "/google.pubsub.v1.SchemaService/DeleteSchemaRevision",
]);

/** The same for the paths with `**`: ListDocuments and CreateDocument, registered later, take their requests. */
const HIDDEN_BY_TAILS: ReadonlySet<string> = new Set(
  ["GetDocument", "ListCollectionIds", "PartitionQuery", "RunAggregationQuery", "RunQuery"].map(
    (name) => `/google.firestore.v1.Firestore/${name}`,
  ),
);

/** Whether valid requests of a binding differ for a reason that docs/conformance.md explains. */
export function isExplained(door: Door["name"], { method, template }: HttpBinding): boolean {
  if (door === "Envoy") return UNKNOWN_TO_ENVOY.has(method.desc.name);
  // grpc-gateway generates nothing for them.
  if (method.desc.proto.clientStreaming && template.variables.length > 0) return true;
  if (template.segments.includes(REST) && HIDDEN_BY_TAILS.has(method.path)) return true;
  return HIDDEN_BY_OTHERS.has(method.path);
}

/** Answers to one request: a status, and what the service received when it is 200. */
export interface Difference {
  readonly title: string;
  readonly own: string;
  readonly envoy: string;
  readonly grpcGateway: string;
  /** What the gateway follows. */
  readonly why: string;
}

const difference = (
  title: string,
  own: string,
  envoy: string,
  grpcGateway: string,
  why: string,
): Difference => ({ title, own, envoy, grpcGateway, why });

/** All differences, in the order of the cases. */
export const DIFFERENCES: readonly Difference[] = [
  difference(
    "a path without its last segment",
    "404",
    '200 {"project":"projects/p"}',
    '200 {"topic":"projects/p/topics/"}',
    "a variable is not empty; Envoy drops the slash and lists the topics",
  ),
  difference(
    "an empty segment",
    "404",
    '200 {"topic":"projects//topics/t"}',
    '200 {"topic":"projects//topics/t"}',
    "a variable is not empty",
  ),
  difference(
    "a slash at the end",
    "404",
    '200 {"topic":"projects/p/topics/t"}',
    "404",
    "RFC 3986 §3.3: the slash begins another segment",
  ),
  difference(
    "a percent-encoded literal",
    '200 {"topic":"projects/p/topics/t"}',
    "404",
    '200 {"topic":"projects/p/topics/t"}',
    "RFC 3986 §6.2.2.2: the paths are equivalent",
  ),
  difference(
    "a percent-encoded slash in a variable of several segments",
    '200 {"topic":"projects/p%2Fq/topics/t"}',
    '200 {"topic":"projects/p%2Fq/topics/t"}',
    "404",
    "http.proto: `%2F` stays; grpc-gateway decodes it before it splits the path",
  ),
  difference(
    "percent-encoding that is invalid",
    "400",
    '200 {"topic":"projects/p/topics/%zz"}',
    "400",
    "RFC 3986 §2.1",
  ),
  difference(
    "percent-encoding that is no UTF-8",
    "400",
    '200 "ChNwcm9qZWN0cy9wL3RvcGljcy//"',
    "500",
    "a string of protobuf is UTF-8: no service could read it",
  ),
  difference(
    "the verb of another method",
    '200 {"topic":"projects/p/topics/t:publish"}',
    "404",
    '200 {"topic":"projects/p/topics/t:publish"}',
    "no verb of this HTTP method matches, so the colon is part of the name",
  ),
  difference("another HTTP method", "405", "404", "501", "RFC 9110 §15.5.6, with `Allow`"),
  difference("HEAD", '200 {"topic":"projects/p/topics/t"}', "404", "501", "RFC 9110 §9.3.2"),
  difference(
    "an unknown parameter",
    "400",
    "400",
    '200 {"project":"projects/p"}',
    "as Envoy with `reject_unknown_query_parameters`; what is meant must not be lost silently",
  ),
  difference(
    "a parameter given twice",
    "400",
    '200 {"project":"projects/p","pageSize":2}',
    "400",
    "the field is not repeated",
  ),
  difference(
    "a parameter that is in the path",
    "400",
    '200 {"project":"projects/q"}',
    '200 {"project":"projects/p"}',
    "one field, two values: with Envoy the query would get past a check of the path",
  ),
  difference(
    "a bool that is none",
    "400",
    '200 {"sinkName":"projects/p/sinks/s","sink":{},"uniqueWriterIdentity":true}',
    "400",
    "no bool of ProtoJSON, nor of grpc-gateway",
  ),
  difference(
    "a body with an unknown field",
    "400",
    '200 {"topic":"projects/p/topics/t"}',
    "400",
    "ProtoJSON: unknown fields are an error unless the receiver chooses otherwise",
  ),
  difference(
    "bytes after the body",
    "400",
    "400",
    '200 {"topic":"projects/p/topics/t"}',
    "the body is not one value of JSON",
  ),
  difference(
    "a body that sets what the path does",
    '200 {"topic":"projects/p/topics/t"}',
    '200 {"topic":"x"}',
    '200 {"topic":"projects/p/topics/t"}',
    "the path names the resource, for checks before the service too",
  ),
  difference(
    "a parameter beside the whole body",
    "400",
    '200 {"topic":"projects/p/topics/t","messages":[{"data":"AA=="}]}',
    '200 {"topic":"projects/p/topics/t"}',
    'http.proto: with `body: "*"` there are no parameters',
  ),
  difference(
    "an unknown parameter beside the whole body",
    "400",
    "400",
    '200 {"topic":"projects/p/topics/t"}',
    'http.proto: with `body: "*"` there are no parameters',
  ),
  difference(
    "a body of type text/plain",
    "415",
    '200 {"topic":"projects/p/topics/t"}',
    '200 {"topic":"projects/p/topics/t"}',
    "a page of another site may send text/plain without asking first (CORS)",
  ),
  difference(
    "a duplicate field in a body",
    "400",
    '200 {"topic":"projects/p/topics/t"}',
    "400",
    "ProtoJSON parsers of C++ and Go refuse it as well",
  ),
  difference(
    "a stream without a body",
    "200 []",
    "400",
    "200 []",
    "no requests; Envoy wants a list",
  ),
  difference(
    "a stream of an empty list",
    "200 []",
    "200 []",
    "400",
    "a list, as Envoy takes it",
  ),
  difference(
    "a stream of one object",
    "200 [{}]",
    "400",
    "200 [{}]",
    "values one after another, as grpc-gateway takes them",
  ),
  difference(
    "a stream of values one after another",
    '200 [{"name":"a"},{"name":"b"}]',
    "400",
    '200 [{"name":"a"},{"name":"b"}]',
    "as grpc-gateway",
  ),
  difference(
    "a stream of lines",
    '200 [{"name":"a"},{"name":"b"}]',
    "400",
    '200 [{"name":"a"},{"name":"b"}]',
    "as grpc-gateway",
  ),
  difference(
    "a stream as a list",
    '200 [{"name":"a"},{"name":"b"}]',
    '200 [{"name":"a"},{"name":"b"}]',
    "400",
    "as Envoy",
  ),
  difference(
    "a list with a comma at its end",
    "400",
    "200 [{}]",
    "400",
    "RFC 8259 \u00a75",
  ),
  difference(
    "a stream with an unknown field",
    "400",
    "200 [{},{}]",
    "400",
    "ProtoJSON: unknown fields are an error unless the receiver chooses otherwise",
  ),
  difference(
    "a stream with a path",
    '200 [{"name":"named/x","inner":{"name":"a"}},{"inner":{"values":[1]}}]',
    '200 [{"name":"named/x","inner":{"name":"a"}},{"inner":{"values":[1]}}]',
    "404",
    "as Envoy; grpc-gateway has no streams with variables",
  ),
  difference(
    "a stream with a path and a query",
    '200 [{"name":"named/x","values":[1],"inner":{"name":"a"}},{"inner":{}}]',
    '200 [{"name":"named/x","values":[1],"inner":{"name":"a"}},{"inner":{}}]',
    "404",
    "as Envoy",
  ),
  difference(
    "a stream with a path and no requests",
    "200 []",
    "200 []",
    "404",
    "as Envoy: path and query are parts of the first request",
  ),
  difference(
    "an HttpBody in parts",
    '200 [{"name":"store/x","file":{"contentType":"text/css","data":"YSBib2R5"}}]',
    '200 [{"name":"store/x","file":{"contentType":"text/css","data":"YSBib2R5"}}]',
    "404",
    "as Envoy",
  ),
  difference(
    "an empty HttpBody",
    '200 [{"name":"store/x","file":{"contentType":"text/css"}}]',
    '200 [{"name":"store/x","file":{"contentType":"text/css"}}]',
    "404",
    "as Envoy",
  ),
  difference(
    "a stream of type text/plain",
    "415",
    "200 [{}]",
    "400",
    "a page of another site may send text/plain without asking first (CORS)",
  ),
];
