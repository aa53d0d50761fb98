import assert from "node:assert/strict";
import { forwardEgress } from "../../../src/guest/mod.ts";
import { dial, listen } from "../../../src/transport/mod.ts";

Deno.test("connections are forwarded while the parent listens, and answered with 502 when it does not", async () => {
  const parent = await listen("127.0.0.1:0");
  await using forwarder = await forwardEgress("127.0.0.1:0", parent.address);
  const [local, far] = await Promise.all([dial(forwarder.address), parent.accept()]);
  await local.write(new Uint8Array([1, 2, 3]));
  const buffer = new Uint8Array(1_000);
  assert.equal(await far!.read(buffer), 3);
  await far!.write(new Uint8Array([4]));
  assert.equal(await local.read(buffer), 1);
  far!.close();
  assert.equal(await local.read(buffer).catch(() => null), null);
  local.close();

  await parent.close();
  const refused = await dial(forwarder.address);
  const count = await refused.read(buffer);
  const text = new TextDecoder().decode(buffer.subarray(0, count ?? 0));
  assert.match(text, /^HTTP\/1\.1 502 Bad Gateway\r\n[^]*Cannot connect to 127/);
  refused.close();
});

Deno.test("close ends the connections; options are checked", async () => {
  const parent = await listen("127.0.0.1:0");
  const forwarder = await forwardEgress("127.0.0.1:0", parent.address, { maxConnections: 1 });
  const [local, far] = await Promise.all([dial(forwarder.address), parent.accept()]);
  const over = await dial(forwarder.address);
  assert.equal(await over.read(new Uint8Array(1)).catch(() => null), null);
  over.close();
  await forwarder.close();
  assert.equal(await local.read(new Uint8Array(1)).catch(() => null), null);
  local.close();
  far!.close();
  await parent.close();
  await assert.rejects(forwardEgress("127.0.0.1:0", "nonsense"));
  await assert.rejects(
    forwardEgress("127.0.0.1:0", "127.0.0.1:1", { maxConnections: 0 }),
    RangeError,
  );
});
