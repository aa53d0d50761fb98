import assert from "node:assert/strict";
import { ClientPings } from "../../src/lean/pings.ts";

Deno.test("ClientPings matches answers by payload, or the oldest ping without one", () => {
  const pings = new ClientPings();
  const answered: string[] = [];
  const send = (name: string) => {
    const payload = pings.next();
    pings.expect(payload, (nowMs) => answered.push(`${name} at ${nowMs}`));
    return payload;
  };
  send("first");
  const second = send("second");
  send("third");
  pings.ponged(second, 10);
  pings.ponged(second, 11);
  pings.ponged(undefined, 12);
  assert.deepEqual(answered, ["second at 10", "first at 12"]);
  pings.clear();
  pings.ponged(undefined, 13);
  assert.equal(answered.length, 2);
});
