import assert from "node:assert/strict";
import { Int64ValueSchema, StringValueSchema } from "@bufbuild/protobuf/wkt";
import { JsonLimitError, protobufJsonCodec } from "../../src/codec/proto_json.ts";
import { EchoResponseSchema } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";

Deno.test("protobufJsonCodec() is a codec of messages and their init shape", () => {
  const codec = protobufJsonCodec(EchoResponseSchema);
  assert.equal(codec.name, "json");
  const bytes = codec.encode({ payload: new Uint8Array([1, 2, 3]), sentAtNs: 9007199254740993n });
  assert.equal(new TextDecoder().decode(bytes), '{"payload":"AQID","sentAtNs":"9007199254740993"}');
  assert.equal(codec.decode(bytes).sentAtNs, 9007199254740993n);
  assert.equal(
    protobufJsonCodec(Int64ValueSchema).decode("9007199254740993").value,
    9007199254740993n,
  );
});

Deno.test("protobufJsonCodec() limits the structure of JSON before much of it is decoded", () => {
  const codec = protobufJsonCodec(StringValueSchema, { maxElements: 10 });
  assert.throws(() => codec.decode(`[${"{},".repeat(20)}1]`), JsonLimitError);
  assert.throws(() => protobufJsonCodec(StringValueSchema, { maxElements: 0 }), RangeError);
});
