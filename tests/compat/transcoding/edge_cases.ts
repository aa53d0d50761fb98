/**
 * Requests at the edges of the rules, with the status of each transcoder. Where they differ, `why` says what the gateway
 * follows; docs/conformance.md has the same table.
 *
 * @module
 */

import type { Status } from "../../../mod.ts";

/** Request with the statuses that it receives. */
export interface EdgeCase {
  readonly title: string;
  readonly method: string;
  readonly target: string;
  readonly body?: string;
  readonly contentType?: string;
  readonly failure?: Status;
}

const PUBLISH = "/v1/projects/p/topics/t:publish";

const get = (title: string, target: string): EdgeCase => ({ title, method: "GET", target });
const post = (
  title: string,
  target: string,
  body?: string,
  more: Partial<EdgeCase> = {},
): EdgeCase => (
  { title, method: "POST", target, body, ...more }
);

const put = (title: string, target: string, body: string): EdgeCase => (
  { title, method: "PUT", target, body }
);

/** All cases; paths are of google.pubsub.v1, google.logging.v2 and google.firestore.v1. */
export const EDGE_CASES: readonly EdgeCase[] = [
  get("an unknown path", "/v1/nothing/at/all"),
  get("a path without its last segment", "/v1/projects/p/topics/"),
  get("an empty segment", "/v1/projects//topics/t"),
  get("a slash at the end", "/v1/projects/p/topics/t/"),
  get("a percent-encoded literal", "/v1/%70rojects/p/topics/t"),
  get("a percent-encoded slash in a variable of several segments", "/v1/projects/p%2Fq/topics/t"),
  get("a percent-encoded reserved character", "/v1/projects/p/topics/t%3Fx%23y"),
  get("a percent-encoded space and a plus", "/v1/projects/p/topics/t%20a+b"),
  get("percent-encoding that is invalid", "/v1/projects/p/topics/%zz"),
  get("percent-encoding that is no UTF-8", "/v1/projects/p/topics/%ff"),
  get("a verb that no template has", "/v1/projects/p/topics/t:nothing"),
  get("the verb of another method", "/v1/projects/p/topics/t:publish"),
  { title: "another HTTP method", method: "PATCH", target: "/v1/projects/p/topics", body: "{}" },
  { title: "HEAD", method: "HEAD", target: "/v1/projects/p/topics/t" },
  get("an unknown parameter", "/v1/projects/p/topics?nothing=1"),
  get("an unknown field of a message", "/v1/projects/p/topics?page_size.x=1"),
  get("a number that is none", "/v1/projects/p/topics?page_size=x"),
  get("a number out of range", "/v1/projects/p/topics?page_size=2147483648"),
  get("an empty number", "/v1/projects/p/topics?page_size="),
  get("a parameter given twice", "/v1/projects/p/topics?page_size=1&page_size=2"),
  get("a parameter that is in the path", "/v1/projects/p/topics?project=projects/q"),
  put("a bool that is none", "/v2/projects/p/sinks/s?unique_writer_identity=yes", "{}"),
  put("a bool in capitals", "/v2/projects/p/sinks/s?unique_writer_identity=TRUE", "{}"),
  get("an enum by number", "/v1/projects/p/schemas?view=2"),
  get("an enum by another name", "/v1/projects/p/schemas?view=NOTHING"),
  get("a time that is none", "/v1/projects/p/databases/d/documents/c/x/y?read_time=now"),
  {
    title: "a mask with names of the file",
    method: "PATCH",
    target: "/v1/projects/p/databases/d/documents/c/x/y?update_mask.field_paths=a_b",
    body: "{}",
  },
  post("a body with an unknown field", PUBLISH, '{"nothing":1}'),
  post("a body that is no JSON", PUBLISH, "{"),
  post("a body of another type", PUBLISH, '{"messages":1}'),
  post("bytes after the body", PUBLISH, "{} {}"),
  post("an empty body", PUBLISH, ""),
  post("no body", PUBLISH),
  post("a body that sets what the path does", PUBLISH, '{"topic":"x"}'),
  post("a parameter beside the whole body", `${PUBLISH}?messages.data=AA==`, "{}"),
  post("an unknown parameter beside the whole body", `${PUBLISH}?nothing=1`, "{}"),
  post("a body of type text/plain", PUBLISH, "{}", { contentType: "text/plain" }),
  post("names of the file in a body", PUBLISH, '{"messages":[{"ordering_key":"k"}]}'),
  post("a duplicate field in a body", PUBLISH, '{"messages":[],"messages":[]}'),
  post("a stream without a body", "/compat/sum", ""),
  post("a stream of an empty list", "/compat/sum", "[]"),
  post("a stream of one object", "/compat/sum", "{}"),
  post("a stream of values one after another", "/compat/sum", '{"name":"a"}{"name":"b"}'),
  post("a stream of lines", "/compat/sum", '{"name":"a"}\n\n{"name":"b"}\n'),
  post("a stream as a list", "/compat/sum", '[{"name":"a"},{"name":"b"}]'),
  post("a list that is not closed", "/compat/sum", "[{}"),
  post("a list with a comma at its end", "/compat/sum", "[{},]"),
  post("a list without a comma", "/compat/sum", "[{} {}]"),
  post("bytes after a list", "/compat/sum", "[{}] {}"),
  post("a stream with an unknown field", "/compat/sum", '[{},{"nothing":1}]'),
  post("a stream with a value of another type", "/compat/sum", '[{},{"values":"x"}]'),
  post("a stream with a path", "/compat/named/x", '[{"name":"a"},{"values":[1]}]'),
  post("a stream with a path and a query", "/compat/named/x?values=1", '[{"name":"a"},{}]'),
  post("a stream with a path and no requests", "/compat/named/x", "[]"),
  post("an HttpBody in parts", "/compat/store/x", "a body", { contentType: "text/css" }),
  post("an empty HttpBody", "/compat/store/x", "", { contentType: "text/css" }),
  post("a stream of type text/plain", "/compat/sum", "[{}]", { contentType: "text/plain" }),
  ...([1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 2] as Status[]).map((failure) => ({
    ...get(`the status ${failure} of the service`, "/v1/projects/p/topics/t"),
    failure,
  })),
];
