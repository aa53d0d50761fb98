import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import assert from "node:assert/strict";
import {
  EchoRequestSchema,
  file_vrpc_echo_v1_echo,
} from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { findMethod, typesOfFile } from "../../../src/load/generate/method_source.ts";
import {
  dataOfTemplate,
  type RequestData,
  requestsOfCall,
} from "../../../src/load/generate/request_data.ts";

const set = create(FileDescriptorSetSchema, { file: [file_vrpc_echo_v1_echo.proto] });
const ECHO = findMethod(
  typesOfFile(toBinary(FileDescriptorSetSchema, set)),
  "vrpc.echo.v1.EchoService/Echo",
);
const IN_TURN = { order: "round-robin", seed: 1 } as const;
const AT_RANDOM = { order: "random", seed: 1 } as const;

/** Returns the payloads, as text, of the first calls of one worker. */
function payloads(data: RequestData, count: number, worker = 0, workers = 1): string[] {
  // As after a message to a worker.
  const of = requestsOfCall(structuredClone(data), worker);
  return Array.from({ length: count }, (_, sequence) => {
    const [message] = of({ sequence, worker, workers });
    return new TextDecoder().decode(fromBinary(EchoRequestSchema, message).payload);
  });
}

const base64 = (text: string) => btoa(text);

Deno.test("rows go round over all workers", () => {
  const rows = ["a", "b", "c"].map((text) => ({ p: base64(text) }));
  const data = dataOfTemplate(ECHO, '{"payload":"{{p}}"}', rows, IN_TURN);
  assert.equal(data.template, undefined, "encoded in advance");
  assert.deepEqual(payloads(data, 4), ["a", "b", "c", "a"]);
  const all = [payloads(data, 3, 0, 2), payloads(data, 3, 1, 2)];
  assert.deepEqual(all, [["a", "c", "b"], ["b", "a", "c"]]);
});

Deno.test("rows at random are all used, the same for the same seed, others for another worker", () => {
  const rows = ["a", "b", "c"].map((text) => ({ p: base64(text) }));
  const data = dataOfTemplate(ECHO, '{"payload":{{p}}}', rows, AT_RANDOM);
  const some = payloads(data, 300);
  assert.deepEqual(some, payloads(data, 300));
  assert.notDeepEqual(some, payloads(data, 300, 1));
  for (const text of "abc") {
    const count = some.filter((one) => one === text).length;
    assert.ok(count > 70 && count < 130, `${text}: ${count} of 300`);
  }
});

Deno.test("a template with variables makes another request for each call, on each worker", () => {
  const rows = [{ p: "AAAA" }, { p: "BBBB" }];
  // Base64 of 3 bytes, whose last four digits are those of the request number.
  const data = dataOfTemplate(ECHO, '{"payload":"{{p}}100{{request}}"}', rows, IN_TURN);
  assert.notEqual(data.template, undefined);
  assert.equal(data.encoded.length, 2);
  const of = requestsOfCall(structuredClone(data), 1);
  const [message] = of({ sequence: 1, worker: 1, workers: 2 });
  assert.equal(fromBinary(EchoRequestSchema, message).payload.toBase64(), "BBBB1003");
});

Deno.test("a template without columns needs no rows, and keeps one request without variables", () => {
  const data = dataOfTemplate(ECHO, '{"payload":"aGk="}', [{ p: "" }, { p: "" }], IN_TURN);
  assert.equal(data.encoded.length, 1);
  assert.deepEqual(payloads(data, 2), ["hi", "hi"]);
});

Deno.test("a mistake of a row shows before the load, with its number", () => {
  const rows = [{ p: "aGk=" }, { p: "?" }];
  assert.throws(
    () => dataOfTemplate(ECHO, '{"payload":"{{p}}"}', rows, IN_TURN),
    /^TypeError: row 2: not a valid vrpc\.echo\.v1\.EchoRequest message/,
  );
  assert.throws(() => dataOfTemplate(ECHO, "{", undefined, IN_TURN), /^TypeError: not valid JSON/);
});
