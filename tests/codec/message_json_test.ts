import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { anyPack, AnySchema, DurationSchema } from "@bufbuild/protobuf/wkt";
import { Status } from "../../src/call/status.ts";
import { jsonCodecOf, jsonTypes, NO_JSON_TYPES } from "../../src/codec/message_json.ts";
import { RpcError } from "../../src/errors.ts";
import { EchoRequestSchema, EchoService } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";

const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
const utf8 = (value: string) => new TextEncoder().encode(value);

Deno.test("jsonCodecOf() encodes messages and init shapes, and ignores unknown fields", () => {
  const codec = jsonCodecOf(EchoRequestSchema, NO_JSON_TYPES);
  const payload = Uint8Array.of(1, 2, 3);
  assert.equal(text(codec.encode({ payload })), '{"payload":"AQID"}');
  assert.equal(text(codec.encode(create(EchoRequestSchema, { payload }))), '{"payload":"AQID"}');
  const decoded = codec.decode(utf8('{"payload":"AQID","other":[1]}'));
  assert.deepEqual(decoded, create(EchoRequestSchema, { payload }));
});

Deno.test("jsonCodecOf() throws INVALID_ARGUMENT for text that is not the message", () => {
  const codec = jsonCodecOf(EchoRequestSchema, NO_JSON_TYPES);
  const wrong = [utf8("{"), utf8('{"payload":1}'), utf8(""), Uint8Array.of(0xff)];
  for (const bytes of [...wrong, utf8("[".repeat(10_000)), utf8(`[${"0,".repeat(300_000)}0]`)]) {
    assert.throws(
      () => codec.decode(bytes),
      (error) => error instanceof RpcError && error.code === Status.INVALID_ARGUMENT,
    );
  }
});

Deno.test("jsonTypes() has the types of the services and of what they import, for Any", () => {
  const codec = jsonCodecOf(AnySchema, jsonTypes(() => [EchoService]));
  const any = anyPack(EchoRequestSchema, create(EchoRequestSchema));
  const json = '{"@type":"type.googleapis.com/vrpc.echo.v1.EchoRequest"}';
  assert.equal(text(codec.encode(any)), json);
  assert.deepEqual(codec.decode(utf8(json)), any);
  const foreign = anyPack(DurationSchema, create(DurationSchema));
  assert.throws(() => jsonCodecOf(AnySchema, NO_JSON_TYPES).encode(foreign));
});
