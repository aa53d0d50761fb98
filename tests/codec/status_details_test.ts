import assert from "node:assert/strict";
import { decodeStatusDetails, encodeStatusDetails } from "../../src/codec/status_details.ts";

Deno.test("encodeStatusDetails() and decodeStatusDetails() round trip a google.rpc.Status", () => {
  const details = [
    { typeUrl: "type.googleapis.com/a.B", value: Uint8Array.of(1, 2, 3) },
    { typeUrl: "", value: new Uint8Array() },
  ];
  assert.deepEqual(decodeStatusDetails(encodeStatusDetails(5, "not found", details)), details);
});

Deno.test("decodeStatusDetails() returns no details for bytes that are not valid", () => {
  for (const bytes of [[0xff], [0x1a, 5, 0], [0x1a, 2, 0x0a, 9]]) {
    assert.deepEqual(decodeStatusDetails(Uint8Array.from(bytes)), []);
  }
});
