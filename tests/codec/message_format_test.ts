import assert from "node:assert/strict";
import { create } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import { messageCodec } from "../../src/codec/message_format.ts";
import { MsgSchema } from "../../proto/gen/bench/echo_pb.ts";
import { StatusSchema } from "../../proto/gen/google/rpc/status_pb.ts";
import { text, untext } from "../fixtures/bytes.ts";

Deno.test("both formats encode messages and their init shape, and decode them", () => {
  for (const format of ["proto", "json"] as const) {
    const codec = messageCodec(MsgSchema, format);
    assert.equal(codec.name, format);
    const init = { payload: text("hi") };
    const bytes = codec.encode(init);
    assert.deepEqual(codec.encode(create(MsgSchema, init)), bytes);
    assert.deepEqual(codec.decode(bytes), create(MsgSchema, init));
    assert.throws(() => codec.decode(text("\xff{")));
  }
  assert.equal(
    untext(messageCodec(MsgSchema, "json").encode({ payload: text("hi") })),
    '{"payload":"aGk="}',
  );
});

Deno.test("fields that the type does not know are ignored in JSON", () => {
  const codec = messageCodec(MsgSchema, "json");
  assert.deepEqual(
    codec.decode(text('{"later":{"a":[1]},"payload":"aGk="}')),
    create(MsgSchema, { payload: text("hi") }),
  );
});

Deno.test("an Any in JSON may hold the types of the descriptor's file", () => {
  const codec = messageCodec(StatusSchema, "json");
  const init = { code: 5, details: [anyPack(StatusSchema, create(StatusSchema, { code: 7 }))] };
  const bytes = codec.encode(create(StatusSchema, init));
  assert.match(untext(bytes), /"@type":"type\.googleapis\.com\/google\.rpc\.Status"/);
  assert.deepEqual(codec.decode(bytes), create(StatusSchema, init));
});
