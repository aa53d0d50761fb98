import assert from "node:assert/strict";
import { CloseCode, isCloseCode } from "../../src/websocket/close_codes.ts";

Deno.test("RFC 6455 §7.4: codes that a Close frame may carry", () => {
  const allowed = [1000, 1001, 1002, 1003, 1007, 1008, 1011, 1014, 3000, 3999, 4000, 4999];
  const forbidden = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535];
  assert.deepEqual(allowed.filter((code) => !isCloseCode(code)), []);
  assert.deepEqual(forbidden.filter(isCloseCode), []);
  assert.ok(Object.values(CloseCode).every(isCloseCode));
});
