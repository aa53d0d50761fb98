import assert from "node:assert/strict";
import { bytesCodec } from "../../src/codec/bytes.ts";
import type { Codec } from "../../src/codec/codec.ts";
import { frozenCodec } from "../../src/codec/frozen_codec.ts";
import { jsonCodec } from "../../src/codec/json.ts";
import { protobufCodec } from "../../src/codec/protobuf.ts";
import { EchoRequestSchema } from "../../proto/gen/vrpc/echo/v1/echo_pb.ts";

Deno.test("built-in codecs are taken as they are", () => {
  for (const codec of [bytesCodec, jsonCodec(), protobufCodec(EchoRequestSchema)]) {
    assert.equal(frozenCodec(codec), codec);
  }
});

class Counting implements Codec<number> {
  readonly name = "count";
  readonly extra = "kept";
  count = 0;
  encode(): Uint8Array {
    return Uint8Array.of(++this.count);
  }
  decode(bytes: Uint8Array): number {
    return bytes[0] + this.count;
  }
}

Deno.test("a codec of the application keeps its state and its functions", () => {
  const own = new Counting();
  const codec = frozenCodec(own);
  assert.equal(codec.name, "count");
  assert.equal((codec as unknown as Counting).extra, "kept");
  assert.deepEqual(codec.encode(0), Uint8Array.of(1));
  assert.equal(own.count, 1);
  assert.equal(codec.decode(Uint8Array.of(4)), 5);
  assert.ok(Object.isFrozen(codec));
  assert.throws(() => Object.assign(codec, { encode: () => new Uint8Array() }), TypeError);
  // What the application does to its own object later changes no method that has it.
  own.encode = () => Uint8Array.of(99);
  Counting.prototype.decode = () => 99;
  assert.deepEqual(codec.encode(0), Uint8Array.of(2));
  assert.equal(codec.decode(Uint8Array.of(4)), 6);
});

Deno.test("a frozen instance of a class is copied: its prototype is not frozen", () => {
  class Fixed implements Codec<string> {
    readonly name = "fixed";
    encode(): Uint8Array {
      return Uint8Array.of(1);
    }
    decode(): string {
      return "one";
    }
  }
  const codec = frozenCodec(Object.freeze(new Fixed()));
  Fixed.prototype.decode = () => "other";
  assert.equal(codec.decode(new Uint8Array()), "one");
});
