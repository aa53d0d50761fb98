import assert from "node:assert/strict";
import { connect, serve } from "../../../mod.ts";
import { ENCODINGS } from "../../../src/call/encodings.ts";
import { checkEncodings, encodingsOf } from "../../../src/rpc/core/encodings_option.ts";
import { fetchHandler } from "../../../src/rpc/fetch/mod.ts";

const WRONG = [[], "gzip", ["lz4"], ["identity"], ["gzip", "gzip"], [1], {}, null];

Deno.test("encodings is a list of different compressions", () => {
  checkEncodings(undefined);
  checkEncodings(["br", "gzip"]);
  for (const wrong of WRONG) assert.throws(() => checkEncodings(wrong), TypeError);
  assert.equal(encodingsOf(undefined), ENCODINGS);
  assert.deepEqual(encodingsOf(["br"]), ["br"]);
});

Deno.test("serve, connect and fetchHandler check encodings", async () => {
  const options = { encodings: ["lz4"] } as never;
  await assert.rejects(
    serve("memory:encodings", () => {}, options),
    /known are gzip, zstd, deflate, snappy, br/,
  );
  assert.throws(() => connect("memory:encodings", options), TypeError);
  assert.throws(() => fetchHandler(() => {}, options), TypeError);
});
