import assert from "node:assert/strict";
import {
  acceptsEncoding,
  chooseEncoding,
  encodingList,
  ENCODINGS,
  isEncoding,
} from "../../src/call/encodings.ts";

Deno.test("chooseEncoding() reads lists with weights (RFC 9110 §12.5.3)", () => {
  for (
    const yes of ["gzip", "br, gzip", "gzip;q=0.5,br", "GZIP", "identity,gzip", "br;q=0 ,gzip"]
  ) {
    assert.equal(chooseEncoding(["gzip"], yes), "gzip", yes);
  }
  for (const no of ["", "br", "gzip;q=0", "gzip; q=0.0, br", "xgzip", "x-gzip", "*"]) {
    assert.equal(chooseEncoding(["gzip"], no), undefined, no);
  }
});

Deno.test("chooseEncoding() returns what the server prefers among what the caller accepts", () => {
  const accepted = "gzip, zstd;q=0.1, br";
  assert.equal(chooseEncoding(["zstd", "gzip"], accepted), "zstd");
  assert.equal(chooseEncoding(["gzip", "zstd"], accepted), "gzip");
  assert.equal(chooseEncoding(["snappy", "br"], accepted), "br");
  assert.equal(chooseEncoding(["snappy"], accepted), undefined);
});

Deno.test("names of compressions; identity is none", () => {
  assert.equal(encodingList(ENCODINGS), "identity,gzip,zstd,snappy");
  assert.equal(encodingList(["br"]), "identity,br");
  assert.deepEqual(["identity", "br", "lz4"].map(isEncoding), [false, true, false]);
  const accepted = ["identity", "gzip", "br"].map((name) => acceptsEncoding(["gzip"], name));
  assert.deepEqual(accepted, [true, true, false]);
});
