import assert from "node:assert/strict";
import { ByteWriter } from "../../src/bytes/writer.ts";
import { http2Options } from "../../src/http2/options.ts";
import { ReceiveWindow } from "../../src/http2/receive_window.ts";

Deno.test("RFC 9113 §6.9: octets are in use from their arrival until their credit is returned", () => {
  const options = http2Options({ connectionWindowBytes: 100_000 });
  const window = new ReceiveWindow(new ByteWriter(), options, { nowMs: 0 });
  window.open();
  assert.equal(window.inUseBytes, 0);
  assert.ok(window.take(60_000));
  assert.equal(window.inUseBytes, 60_000);
  window.give(null, 1);
  assert.deepEqual([window.inUseBytes, window.window], [59_999, 40_000]);
  window.give(null, 59_999);
  assert.deepEqual([window.inUseBytes, window.window], [0, 100_000]);
});
