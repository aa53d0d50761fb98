import assert from "node:assert/strict";
import { inspect } from "node:util";
import { StartupData } from "../../../src/guest/startup/startup_data.ts";

Deno.test("secrets are given by name, and shown nowhere", () => {
  const key = new TextEncoder().encode("hunter2");
  const data = new StartupData({ level: "debug" }, new Map([["key", key]]));
  assert.equal(data.secretText("key"), "hunter2");
  assert.equal(data.secret("key"), key);
  assert.equal(data.secret("none"), undefined);
  assert.equal(data.secretText("none"), undefined);
  assert.deepEqual(data.secretNames, ["key"]);
  const shown = [JSON.stringify(data), `${data}`, inspect(data), Deno.inspect(data)];
  for (const text of shown) {
    assert.doesNotMatch(text, /hunter2|104, ?117/, text);
    assert.match(text, /key/);
  }
  assert.deepEqual(JSON.parse(shown[0]).config, { level: "debug" });
});

Deno.test("erased secrets are overwritten and gone", () => {
  const key = new Uint8Array([1, 2, 3]);
  {
    using data = new StartupData(undefined, new Map([["key", key]]));
    assert.equal(data.config, undefined);
  }
  assert.deepEqual([...key], [0, 0, 0]);
});
