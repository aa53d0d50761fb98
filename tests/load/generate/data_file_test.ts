import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import assert from "node:assert/strict";
import {
  file_grpc_testing_testing,
  SimpleRequestSchema,
} from "../../../proto/gen/grpc/testing/testing_pb.ts";
import { dataFormat, requestsOf, rowsOf } from "../../../src/load/generate/data_file.ts";
import { findMethod, typesOfFile } from "../../../src/load/generate/method_source.ts";

const types = typesOfFile(
  toBinary(
    FileDescriptorSetSchema,
    create(FileDescriptorSetSchema, { file: [file_grpc_testing_testing.proto] }),
  ),
);
const UNARY = findMethod(types, "grpc.testing.TestService/UnaryCall");
const STREAM = findMethod(types, "grpc.testing.TestService/StreamingInputCall");
const bytes = (text: string) => new TextEncoder().encode(text);
const decoded = (requests: Uint8Array[][]) =>
  requests.map(([message]) => fromBinary(SimpleRequestSchema, message));

Deno.test("dataFormat() goes by the ending of the name", () => {
  assert.deepEqual(
    ["a.CSV", "b.json", "c.jsonl", "d.ndjson", "e.x.binpb", "f", "g.toString"].map(dataFormat),
    ["csv", "json", "jsonl", "jsonl", "binary", undefined, undefined],
  );
});

Deno.test("rowsOf() reads CSV with quotes, line ends of either kind and a byte-order mark", () => {
  const text = '\ufeffid,name\r\n1,"Eve, ""the"" one\nof two"\r\n\r\n2,Bob\r\n';
  assert.deepEqual(rowsOf(bytes(text), "csv").map((row) => ({ ...row })), [
    { id: "1", name: 'Eve, "the" one\nof two' },
    { id: "2", name: "Bob" },
  ]);
});

Deno.test("rowsOf() reads the members of JSON objects", () => {
  const rows = [{ a: "x", b: "2", c: '{"d":[null]}' }, { a: "", b: "true", c: "null" }];
  const lines = '{"a":"x","b":2,"c":{"d":[null]}}\n\n{"a":"","b":true,"c":null}\n';
  assert.deepEqual(rowsOf(bytes(lines), "jsonl"), rows);
  assert.deepEqual(rowsOf(bytes(`[${lines.trim().replace("\n\n", ",")}]`), "json"), rows);
});

Deno.test("requestsOf() makes a request of each row of CSV and leaves empty cells out", () => {
  const csv = 'responseSize,response_compressed\n7,"{""value"":true}"\n,\n-1,\n';
  const found = decoded(requestsOf(bytes(csv), "csv", UNARY));
  assert.deepEqual(found.map((one) => one.responseSize), [7, 0, -1]);
  assert.deepEqual(found.map((one) => one.responseCompressed?.value), [true, undefined, undefined]);
});

Deno.test("requestsOf() makes a request of each JSON line, a list of them for a stream", () => {
  const lines = '{"responseSize":1}\n{"responseSize":2}\n';
  assert.deepEqual(
    decoded(requestsOf(bytes(lines), "jsonl", UNARY)).map((one) => one.responseSize),
    [1, 2],
  );
  const streams = requestsOf(bytes('[{"payload":{}},{}]\n{}'), "jsonl", STREAM);
  assert.deepEqual(streams.map((messages) => messages.length), [2, 1]);
  const list = requestsOf(bytes('[[{"payload":{}},{}],{}]'), "json", STREAM);
  assert.deepEqual(list, streams);
});

Deno.test("requestsOf() reads encoded messages behind their lengths", () => {
  const messages = [1, 300].map((responseSize) =>
    create(SimpleRequestSchema, { responseSize, payload: { body: new Uint8Array(responseSize) } })
  );
  const parts = messages.map((one) => sizeDelimitedEncode(SimpleRequestSchema, one));
  const file = Uint8Array.from(parts.flatMap((part) => [...part]));
  const found = decoded(requestsOf(file, "binary", UNARY));
  assert.deepEqual(found.map((one) => one.payload?.body.length), [1, 300]);
  assert.throws(() => requestsOf(file.subarray(0, -1), "binary", UNARY), /message 2 is cut off$/);
  assert.throws(() => requestsOf(new Uint8Array(6).fill(255), "binary", UNARY), /1: its length/);
  const wrong = new Uint8Array([2, 0xff, 0xff]);
  assert.throws(() => requestsOf(wrong, "binary", UNARY), /message 1 is no grpc\.testing\.Simple/);
});

Deno.test("data files that cannot be used are named with the place of the mistake", () => {
  const requests = (text: string, format: "csv" | "json" | "jsonl") =>
    requestsOf(bytes(text), format, UNARY);
  assert.throws(() => requests("a,b\n1\n", "csv"), /^TypeError: not valid CSV: /);
  assert.throws(() => requests("a\n", "csv"), /it has no rows$/);
  assert.throws(() => requests("responseSize\n1\nx\n", "csv"), /^TypeError: row 2: not a valid /);
  assert.throws(() => requests("sise\n1\n", "csv"), /row 1: .*sise/);
  assert.throws(() => requests("{}\n{", "jsonl"), /^TypeError: line 2 is not valid JSON/);
  assert.throws(() => requests('{}\n\n{"a":1}', "jsonl"), /^TypeError: line 3: not a valid /);
  assert.throws(() => requests("{}", "json"), /it is not a JSON list$/);
  assert.throws(() => requests("[{},3]", "json"), /^TypeError: item 2: /);
  assert.throws(() => requests("\n", "jsonl"), /it has no values$/);
  assert.throws(() => rowsOf(bytes("3\n"), "jsonl"), /^TypeError: line 1 is not a JSON object$/);
  assert.throws(() => rowsOf(bytes(""), "binary"), /no columns$/);
});
