/**
 * Odd requests of the Connect protocol.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import { gzipSync } from "node:zlib";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { SimpleRequestSchema } from "../../proto/gen/grpc/testing/testing_pb.ts";

/** A request, without the fields that HTTP adds. */
export interface OddRequest {
  readonly name: string;
  readonly method?: string;
  readonly path: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: Uint8Array | string;
}

const UNARY = "/grpc.testing.TestService/UnaryCall";
const OUTPUT = "/grpc.testing.TestService/StreamingOutputCall";
const JSON_TYPE = { "content-type": "application/json" };
const PROTO_TYPE = { "content-type": "application/proto" };
const STREAM_TYPE = { "content-type": "application/connect+json" };
const PAYLOAD = '{"payload":{"body":"aGVsbG8="}}';

const proto = (request: MessageInitShape<typeof SimpleRequestSchema>) =>
  toBinary(SimpleRequestSchema, create(SimpleRequestSchema, request));

const unary = (
  name: string,
  headers: OddRequest["headers"],
  body: Uint8Array | string = PAYLOAD,
) => ({
  name,
  path: UNARY,
  headers: { ...JSON_TYPE, ...headers },
  body,
});

const bodies: Record<string, Uint8Array | string> = {
  "no body": "",
  "an empty object": "{}",
  "null": "null",
  "a list": "[]",
  "a number": "1",
  "a string": '"x"',
  "half an object": "{",
  "two objects": "{}{}",
  "white space around": ` \n${PAYLOAD}\t `,
  "an unknown member": '{"nothing":1}',
  "a member twice": '{"payload":{"body":"YQ=="},"payload":{"body":"Yg=="}}',
  "a member of another type": '{"payload":1}',
  "invalid base64": '{"payload":{"body":"*"}}',
  "base64 in the alphabet for URLs": '{"payload":{"body":"-_8"}}',
  "null members": '{"payload":null}',
  "a number as a string": '{"responseSize":"1"}',
  "a number that is too large": '{"responseSize":4294967296}',
  "a fraction": '{"responseSize":1.5}',
  "an enum by number": '{"responseType":0}',
  "an unknown enum value": '{"responseType":"NOTHING"}',
  "a name as in the file": '{"response_size":1}',
  "invalid UTF-8": Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
  "a byte order mark": "\ufeff{}",
  "a message beyond the limit": `{"payload":{"body":"${"A".repeat(150_000)}"}}`,
};

const types = [
  "application/json; charset=utf-8",
  "application/json;charset=UTF-8",
  "APPLICATION/JSON",
  "application/json; charset=utf-16",
  "application/proto",
  "application/protobuf",
  "application/x-protobuf",
  "text/plain",
  "application/connect+json",
  "application/connect+proto",
  "application/xml",
  "application/json+x",
  "json",
  "multipart/form-data; boundary=x",
];

const fields: [string, string][] = [
  ...["1", "2", "", "01", "1.0", "v1"].map((
    v,
  ): [string, string] => ["connect-protocol-version", v]),
  ...["10000", "9999999999", "99999999999", "-1", "abc", "1.5", "", "1e3", "+5", "0x10"].map(
    (v): [string, string] => ["connect-timeout-ms", v],
  ),
  ...["identity", "", "unknown", "GZIP", "gzip, gzip", "deflate"].map(
    (v): [string, string] => ["content-encoding", v],
  ),
  ...["identity", "unknown", "*", "identity;q=0", "", ",,"].map(
    (v): [string, string] => ["accept-encoding", v],
  ),
  ["x-some-bin", "aGk"],
  ["x-some-bin", "aGk="],
  ["x-some-bin", "***"],
  ["x-some-bin", "aGk,aGk"],
  ["x-some", "ü"],
  ["trailer-x", "1"],
  ["user-agent", ""],
];

const errors = Array.from({ length: 17 }, (_, code) => code);

const encoded = encodeURIComponent(PAYLOAD);
const query = (text: string, headers = {}): OddRequest => ({
  name: `GET ?${text.replace(encoded, "{}")}`,
  method: "GET",
  path: `${UNARY}?${text}`,
  headers,
});
const base64 = Buffer.from(PAYLOAD).toString("base64url");
const gzipped = gzipSync(PAYLOAD).toString("base64url");

const envelope = (flags: number, message: Uint8Array | string) => {
  const bytes = Buffer.from(message);
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
};
const ONE = '{"responseParameters":[{"size":1}],"payload":{"body":"aGk="}}';
const stream = (name: string, body: Uint8Array, headers: OddRequest["headers"] = {}) => ({
  name: `stream: ${name}`,
  path: OUTPUT,
  headers: { ...STREAM_TYPE, ...headers },
  body,
});

/** The requests. */
export const REQUESTS: OddRequest[] = [
  ...Object.entries(bodies).map(([name, body]) => unary(`body: ${name}`, {}, body)),
  { ...unary("proto", PROTO_TYPE, proto({ payload: { body: new Uint8Array(3) } })) },
  unary("proto: no body", PROTO_TYPE, ""),
  unary("proto: half a message", PROTO_TYPE, Buffer.from([0x1a, 0x05, 0x01])),
  unary("proto: an unknown field", PROTO_TYPE, Buffer.from([0xf8, 0x07, 0x01])),
  unary(
    "proto: beyond the limit",
    PROTO_TYPE,
    proto({ payload: { body: new Uint8Array(100_001) } }),
  ),
  ...types.map((type) => unary(`content-type: ${type}`, { "content-type": type })),
  { ...unary("no content-type", {}), headers: {} },
  ...fields.map(([name, value]) => unary(`${name}: ${value}`, { [name]: value })),
  unary("gzip", { "content-encoding": "gzip" }, gzipSync(PAYLOAD)),
  unary("gzip: broken", { "content-encoding": "gzip" }, "nothing"),
  unary("gzip: cut", { "content-encoding": "gzip" }, gzipSync(PAYLOAD).subarray(0, -4)),
  unary("gzip: no body", { "content-encoding": "gzip" }, ""),
  unary("gzip: a bomb", { "content-encoding": "gzip" }, gzipSync(new Uint8Array(1_000_000))),
  ...errors.map((code) =>
    unary(`error ${code}`, {}, `{"responseStatus":{"code":${code},"message":"no"}}`)
  ),
  ...["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "GET"].map((method) => ({
    name: `method ${method}`,
    method,
    path: UNARY,
    headers: method === "PUT" || method === "PATCH" ? JSON_TYPE : {},
  })),
  ...[
    "/grpc.testing.TestService/Nothing",
    "/grpc.testing.Nothing/UnaryCall",
    "/grpc.testing.TestService/unaryCall",
    `${UNARY}/`,
    `/${UNARY}`,
    `${UNARY}?x=1`,
    "/grpc.testing.TestService",
  ].map((path) => ({ name: `path ${path}`, path, headers: JSON_TYPE, body: "{}" })),
  query(`encoding=json&message=${encoded}`),
  query(`connect=v1&encoding=json&message=${encoded}`),
  query(`connect=v2&encoding=json&message=${encoded}`),
  query(`connect=&encoding=json&message=${encoded}`),
  query(`encoding=json&base64=1&message=${base64}`),
  query(`encoding=json&base64=0&message=${encoded}`),
  query(`encoding=json&base64=true&message=${base64}`),
  query(`encoding=json&base64=1&message=***`),
  query(`encoding=json&base64=1&message=${base64}%3D%3D`),
  query(`encoding=json&base64=1&compression=gzip&message=${gzipped}`),
  query(`encoding=json&base64=1&compression=identity&message=${base64}`),
  query(`encoding=json&compression=unknown&message=${encoded}`),
  query("encoding=json&message="),
  query("encoding=proto&message="),
  query("encoding=json"),
  query(`message=${encoded}`),
  query(`encoding=xml&message=${encoded}`),
  query(`encoding=json&encoding=proto&message=${encoded}`),
  query(`encoding=json&message=${encoded}&message=1`),
  query(`message=${encoded}&encoding=json&x=1`),
  query("encoding=json&message=%7B"),
  query("encoding=json&message=%zz"),
  {
    ...query(`encoding=json&message=${encoded}`, { "connect-timeout-ms": "x" }),
    name: "GET with a broken timeout",
  },
  {
    ...query(`encoding=json&message=${encoded}`),
    name: "GET of a stream",
    path: `${OUTPUT}?encoding=json&message=${encoded}`,
  },
  stream("one message", envelope(0, ONE)),
  stream("no body", Buffer.alloc(0)),
  stream("two messages", Buffer.concat([envelope(0, ONE), envelope(0, ONE)])),
  stream("a cut envelope", envelope(0, ONE).subarray(0, 20)),
  stream("a cut prefix", envelope(0, ONE).subarray(0, 3)),
  stream("compressed without an encoding", envelope(1, gzipSync(ONE))),
  stream("compressed", envelope(1, gzipSync(ONE)), { "connect-content-encoding": "gzip" }),
  stream("not compressed, with an encoding", envelope(0, ONE), {
    "connect-content-encoding": "gzip",
  }),
  stream("broken gzip", envelope(1, "x"), { "connect-content-encoding": "gzip" }),
  stream("an unknown encoding", envelope(0, ONE), { "connect-content-encoding": "x" }),
  stream("an end of the stream", Buffer.concat([envelope(0, ONE), envelope(2, "{}")])),
  stream("reserved flags", envelope(4, ONE)),
  stream("reserved flags, high", envelope(128, ONE)),
  stream("an empty message", envelope(0, "")),
  stream("broken JSON", envelope(0, "{")),
  stream("beyond the limit", envelope(0, `{"payload":{"body":"${"A".repeat(150_000)}"}}`)),
  stream(
    "an error after a message",
    envelope(0, `{"responseParameters":[{"size":1}],"responseStatus":{"code":5}}`),
  ),
  stream("a broken timeout", envelope(0, ONE), { "connect-timeout-ms": "x" }),
  stream("version 2", envelope(0, ONE), { "connect-protocol-version": "2" }),
  stream("unary type", envelope(0, ONE), JSON_TYPE),
];

const VERSION =
  "connect-node ignores the version; connect-go refuses all but 1, as the specification allows";
const FLAGS = "connect-node ignores flags that the specification does not have in requests";

/** Names of the requests that are answered differently, and why. */
export const DIFFERENCES: Readonly<Record<string, string>> = {
  "connect-protocol-version: ": VERSION,
  "connect-protocol-version: 01": VERSION,
  "connect-protocol-version: 1.0": VERSION,
  "connect-protocol-version: 2": VERSION,
  "connect-protocol-version: v1": VERSION,
  "stream: version 2": VERSION,
  "GET ?connect=&encoding=json&message={}": VERSION,
  "GET ?connect=v2&encoding=json&message={}": VERSION,
  "GET ?message={}": "415 says nothing about the missing parameter; connect-go answers 400 as well",
  "GET ?encoding=json&base64=1&message=***": "the request is at fault, not the server",
  "content-encoding: ": "an empty field is none, as in connect-go",
  "x-some-bin: ***": "handlers get bytes, and these are none; connect-node leaves decoding to them",
  "gzip: broken": "INTERNAL on all wires (gRPC: compression.md)",
  "method GET": "without parameters it asks for a page, of which there is none",
  "method HEAD": "as GET",
  "stream: an end of the stream": FLAGS,
  "stream: reserved flags": FLAGS,
  "stream: reserved flags, high": FLAGS,
};
