import assert from "node:assert/strict";
import { runtime } from "../../src/runtime/deno.ts";
import { denoErrorCode } from "../../src/runtime/deno/errors.ts";
import { testRuntime } from "./suite.ts";

testRuntime("Deno", runtime);

Deno.test("codes: by the error's code, the text of its system error, or its class", () => {
  const coded = Object.assign(new Error("x"), { code: "EPIPE" });
  assert.equal(denoErrorCode(coded), "EPIPE");
  assert.equal(denoErrorCode(new Error("no family (os error 97)")), "EAFNOSUPPORT");
  assert.equal(denoErrorCode(new Error("failed to lookup address information")), "ENOTFOUND");
  assert.equal(denoErrorCode(new Deno.errors.UnexpectedEof("x")), "EOF");
  assert.equal(denoErrorCode(new Deno.errors.NotConnected("x")), "ENOTCONN");
  assert.equal(denoErrorCode(new Error("x")), undefined);
  assert.equal(denoErrorCode("x"), undefined);
});
