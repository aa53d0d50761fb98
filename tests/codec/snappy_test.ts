import assert from "node:assert/strict";
import { Status } from "../../src/call/status.ts";
import { snappy, snappyBytesStated, unsnappy } from "../../src/codec/snappy.ts";
import type { RpcError } from "../../src/errors.ts";

const IDENTIFIER = "ff060000734e61507059";
const hex = (text: string) => Uint8Array.fromHex(text.replaceAll(" ", ""));
const codeOf = (run: () => unknown) => {
  try {
    run();
  } catch (error) {
    return (error as RpcError).code;
  }
  return Status.OK;
};

// Written by github.com/golang/snappy 1.0.0: NewBufferedWriter, "hello hello hello hello hello".
const BY_GO = "ff060000734e61507059000f00005cac59071d1468656c6c6f205a0600";

Deno.test("unsnappy() reads what Go's implementation writes (framing_format.txt)", () => {
  const text = "hello hello hello hello hello";
  assert.equal(new TextDecoder().decode(unsnappy(hex(BY_GO), text.length)), text);
  assert.equal(snappyBytesStated(hex(BY_GO)), text.length);
});

Deno.test("unsnappy() skips padding, and rejects chunks that it may not skip", () => {
  const whole = snappy(hex("616263")).toHex();
  assert.deepEqual(unsnappy(hex(`${whole} fe020000 0000`), 3), hex("616263"));
  assert.deepEqual(unsnappy(hex(`${whole} 80010000 00`), 3), hex("616263"));
  assert.equal(codeOf(() => unsnappy(hex(`${whole} 02010000 00`), 3)), Status.INTERNAL);
  assert.equal(codeOf(() => unsnappy(hex(whole.slice(IDENTIFIER.length)), 3)), Status.INTERNAL);
});

Deno.test("unsnappy() checks the checksums and the lengths of blocks", () => {
  const whole = snappy(hex("616263"));
  const damaged = whole.slice();
  damaged[damaged.length - 1] ^= 1;
  assert.equal(codeOf(() => unsnappy(damaged, 3)), Status.INTERNAL);
  // Declares 65,537 bytes, which no block may have.
  const long = hex(`${IDENTIFIER} 00080000 00000000 81800400`);
  assert.equal(codeOf(() => unsnappy(long, 1_000_000)), Status.INTERNAL);
});
