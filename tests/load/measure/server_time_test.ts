import { create, toBinary } from "@bufbuild/protobuf";
import assert from "node:assert/strict";
import fc from "fast-check";
import { SignResponseSchema } from "../../../proto/gen/vrpc/crypto/v1/crypto_pb.ts";
import { EchoResponseSchema } from "../../../proto/gen/vrpc/echo/v1/echo_pb.ts";
import { echoServerTimeUs, signServerTimeUs } from "../../../src/load/measure/server_time.ts";

const payload = fc.uint8Array({ maxLength: 300 });
const time = fc.bigInt({ min: 1n, max: 2n ** 63n });

Deno.test("echoServerTimeUs() reads what the server wrote", () => {
  fc.assert(fc.property(payload, time, fc.integer({ min: 0, max: 1e12 }), (bytes, at, tookNs) => {
    const message = toBinary(
      EchoResponseSchema,
      create(EchoResponseSchema, {
        payload: bytes as Uint8Array<ArrayBuffer>,
        receivedAtNs: at,
        sentAtNs: at + BigInt(tookNs),
      }),
    );
    assert.equal(echoServerTimeUs(message), tookNs / 1000);
  }));
});

Deno.test("signServerTimeUs() reads what the server wrote", () => {
  fc.assert(fc.property(payload, fc.integer({ min: 1, max: 1e12 }), (signature, tookNs) => {
    const message = toBinary(
      SignResponseSchema,
      create(SignResponseSchema, {
        signature: signature as Uint8Array<ArrayBuffer>,
        serverTimeNs: BigInt(tookNs),
      }),
    );
    assert.equal(signServerTimeUs(message), tookNs / 1000);
  }));
});

Deno.test("reading the server time of arbitrary bytes never throws", () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    for (const read of [echoServerTimeUs, signServerTimeUs]) {
      const us = read(bytes);
      assert.ok(us === undefined || (Number.isFinite(us) && us >= 0), String(us));
    }
  }));
  assert.equal(echoServerTimeUs(new Uint8Array()), undefined);
});
